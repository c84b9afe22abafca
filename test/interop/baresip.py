"""A real telephone: baresip without a head, told what to do over its control socket, recording what it hears."""

import json
import socket
import time

import tones
from lab import PATIENCE_S, Failed, wait_until

MODULES = "/usr/lib/baresip/modules"
CODECS = {"pcmu": "PCMU/8000/1", "pcma": "PCMA/8000/1", "g722": "G722/16000/1"}

PHONE_MEDIA = "40000-49999"  # clear of the switch's

# No player: what is heard goes to the recorder only.
CONFIG = """\
poll_method epoll
sip_listen {address}:{port}
audio_source aufile,{folder}/says.wav
audio_alert aufile,{folder}/says.wav
net_interface {interface}
rtp_ports {media_ports}
call_max_calls 4
module_path {modules}
module g711.so
module g722.so
module aufile.so
module sndfile.so
snd_path {folder}
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
ringback_disabled yes
statmode_default off
"""


class Phone:
    """One phone of one line. It says a tone of its own for as long as a call stands, so that others can be proved to
    hear it. `server` is where it registers; without one it stands alone. transport: "tcp" or "tls", then
    with the file of the authority that it believes. mediaenc: how it would be encrypted, in baresip's words.
    extra: a module that it loads beside, and what its account then says."""

    def __init__(self, lab, name, user, server=None, password="", says_hz=700, codecs=("pcmu", "pcma"), auto=False,
                 address="127.0.0.1", expires_s=600, register=True, transport="", authority=None, mediaenc=None,
                 extra=None):
        self.lab, self.name, self.user, self.says_hz = lab, name, user, says_hz
        self.address, self.port, self.control_port = address, lab.own_port(), lab.own_port()
        self.server = server or f"{address}:{self.port}"
        self.folder = lab.folder / name
        self.folder.mkdir()
        self.events = []  # all that it told, in order
        self.unread = b""
        self.seen = 0     # events that were waited for already
        tones.write_tone(self.folder / "says.wav", says_hz, rate=16000 if codecs[0] == "g722" else 8000)
        shown = f"[{address}]" if ":" in address else address
        (self.folder / "config").write_text(CONFIG.format(
            address=shown, interface=address, port=self.port, folder=self.folder, modules=MODULES,
            control=self.control_port, media_ports=PHONE_MEDIA) + (f"sip_cafile {authority}\n" if authority else "") +
            ("module srtp.so\n" if mediaenc else "") + (f"module_app {extra[0]}.so\n" if extra else ""))
        (self.folder / "contacts").write_text("")
        account = (f"<sip:{user}@{self.server}{f';transport={transport}' if transport else ''}>;auth_user={user};auth_pass={password}"
                   f";regint={expires_s if server and register else 0};answermode={'auto' if auto else 'manual'}"
                   f";audio_codecs={','.join(CODECS[codec] for codec in codecs)}"
                   f"{f';mediaenc={mediaenc}' if mediaenc else ''}{f';{extra[1]}' if extra else ''}\n")
        (self.folder / "accounts").write_text(account)
        self.program = lab.start(name, ["baresip", "-f", self.folder])
        self.socket = self.connect()
        if server and register:
            self.program.wait_said("} 200 OK")  # it may be registered before it has anyone to tell it to

    def connect(self):
        def try_once():
            try:
                return socket.create_connection(("127.0.0.1", self.control_port), 1)
            except OSError:
                return None
        connection = wait_until(lambda: try_once() or not self.program.runs(), step_s=0.05)
        if not isinstance(connection, socket.socket):
            raise Failed(f"{self.name}: the phone did not start")
        self.lab.at_end(connection.close)
        return connection

    # Talking to it: JSON in netstrings, both ways.

    def read(self, timeout_s):
        self.socket.settimeout(max(0.01, timeout_s))
        try:
            got = self.socket.recv(65536)
        except TimeoutError:
            return
        if not got:
            raise Failed(f"{self.name}: the phone hung up its control socket")
        self.unread += got
        while b":" in self.unread:
            size, rest = self.unread.split(b":", 1)
            if len(rest) <= int(size):
                return
            told = json.loads(rest[:int(size)])
            self.unread = rest[int(size) + 1:]
            if told.get("event"):
                self.events.append(told)

    def command(self, command, words=""):
        text = json.dumps({"command": command, "params": words}).encode()
        self.socket.sendall(b"%d:%s," % (len(text), text))

    def wait(self, kind, timeout_s=PATIENCE_S, **wanted):
        """The next event of this kind, after those waited for before."""
        end, over = time.monotonic() + timeout_s, False
        while True:
            for at in range(self.seen, len(self.events)):
                event = self.events[at]
                if event["type"] == kind and all(text in str(event.get(key)) for key, text in wanted.items()):
                    self.seen = at + 1
                    return event
            if over:
                told = [event["type"] for event in self.events[self.seen:]]
                raise Failed(f"{self.name}: no {kind} {wanted or ''} in {timeout_s} s, only {told}")
            over = time.monotonic() > end  # what came meanwhile still counts
            self.read(0.2)

    def has(self, kind, **wanted):
        """Did it tell this ever?"""
        self.read(0.01)
        return any(event["type"] == kind and all(text in str(event.get(key)) for key, text in wanted.items())
                   for event in self.events)

    # What a person does with a phone.

    def dial(self, digits):
        """Digits, or a whole URI; no digits at all is lifting the handset to hear dial tone."""
        if not digits:
            digits = "dialtone"
        self.command("dial", digits if digits.startswith("sip:") else f"sip:{digits}@{self.server}")

    def answer(self):
        self.command("accept")

    def hang_up(self):
        self.command("hangup")

    def hold(self):
        self.command("hold")

    def resume(self):
        self.command("resume")

    def press(self, digits, each_s=0.2):
        for digit in digits:
            self.command("sndcode", digit)
            time.sleep(each_s)

    def off(self):
        """Takes it off the network without a word, as if its plug were pulled."""
        self.program.process.kill()
        self.program.process.wait()

    # What it heard.

    def recordings(self):
        """Each stretch of received sound, oldest first: a call, or what follows a change of its media."""
        files = sorted(self.folder.glob("dump-*-dec.wav"), key=lambda file: (file.stat().st_mtime_ns, file.name))
        return [tones.Recording.read(file) for file in files]

    def heard(self):
        """The newest stretch, as far as it is written."""
        found = self.recordings()
        return found[-1] if found else tones.Recording([], 8000)

    def since(self):
        """From now on: gives a function that tells what was heard after this moment."""
        files, seconds = len(self.recordings()), self.heard().seconds

        def fresh():
            heard = self.heard()
            return heard.part(seconds if len(self.recordings()) == files else 0.0, heard.seconds)
        return fresh

    def hears(self, *hz, seconds=0.5, timeout_s=PATIENCE_S):
        """Does it, from now on, hear this tone and nothing else for so long on end, before the time is up?"""
        fresh = self.since()

        def now():
            heard = fresh()
            return heard.seconds >= seconds and heard.last(seconds).is_tone(*hz)
        return bool(wait_until(now, timeout_s, 0.1))

    def hears_nothing(self, seconds=1.0):
        """Does it come to this, that nothing reaches it for so long: no packet, or only silence?"""
        def now():
            fresh = self.since()
            time.sleep(seconds)
            return fresh().is_silent()
        return wait_until(now)
