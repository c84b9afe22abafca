"""A second kind of telephone: linphone without a head, told what to do on its standard input. It has no sound card
here, so it says a tone from a file and hears nothing that we could record: a baresip at the other end listens."""

import re
import subprocess
import time

import switch
import tones
from calls import ONE, THREE, TWO, talk
from lab import PATIENCE_S, Failed, scenario, wait_until

CONFIG = """\
[sip]
sip_port={port}
sip_tcp_port=0
sip_tls_port=0
use_ipv6=0
media_encryption=none

[rtp]
audio_rtp_port={media}

[video]
automatically_initiate=0
automatically_accept=0
"""


class Linphone:
    """One phone of one line, registered. It knows the calls that it has by number: the newest is meant."""

    def __init__(self, server, index, name, says_hz):
        lab, line = server.lab, server.lines[index]
        self.name, self.server, self.line, self.says_hz, self.seen = name, server, line, says_hz, 0
        self.folder = lab.folder / name
        (self.folder / ".local/share/linphone").mkdir(parents=True)
        tones.write_tone(self.folder / "says.wav", says_hz, rate=8000)
        (self.folder / "rc").write_text(CONFIG.format(port=lab.own_port(), media=lab.own_port()))
        self.program = lab.start(name, ["linphone-daemon", "--config", self.folder / "rc"], {"HOME": str(self.folder)},
                                 stdin=subprocess.PIPE)
        self.command("ipv6 disable")
        self.command(f"register sip:{line.name}@{server.where} sip:{server.where} {line.password}")
        if not wait_until(self.is_registered, step_s=0.5):
            raise Failed(f"{name} could not register")

    def is_registered(self):
        return any(row["line"] == self.line.name for row in self.server.ask("registration", "list"))

    def command(self, words):
        self.program.process.stdin.write(f"{words}\n".encode())
        self.program.process.stdin.flush()

    def wait(self, state, timeout_s=PATIENCE_S):
        """The next change of a call to this state, after those waited for before; tells the call's number."""
        def found():
            return re.compile(rf"Event: LinphoneCall{state}\n(?:.+\n)*?Id: (\d+)\n").search(self.program.said(), self.seen)
        match = wait_until(lambda: found() or not self.program.runs(), timeout_s)
        if not isinstance(match, re.Match):
            raise Failed(f"{self.name}: its call never came to {state}")
        self.seen = match.end()
        return int(match[1])

    def dial(self, digits):
        self.command(f"call sip:{digits}@{self.server.where}")

    def says(self, call):
        """Its tone, until its media change: without a sound card it sends nothing after that."""
        self.command(f"incall-player-start {self.folder}/says.wav {call}")

    def close(self):
        """Ends it in order: a telephone that crashed is no proof."""
        self.command("quit")
        return self.program.wait()


@scenario("linphone calls, is called, holds, presses keys")
def linphone_talks(lab):
    server = switch.start(lab)
    verdict = server.judged()
    linphone, baresip = Linphone(server, 0, "linphone", ONE), server.phone(1, "baresip", says_hz=TWO)

    linphone.dial(server.lines[1].number)
    baresip.wait("CALL_INCOMING")
    linphone.wait("OutgoingRinging")
    baresip.answer()
    baresip.wait("CALL_ESTABLISHED")
    call = linphone.wait("StreamsRunning")
    linphone.says(call)
    lab.check("baresip hears linphone", baresip.hears(ONE))
    linphone.command("dtmf 5")
    baresip.wait("CALL_DTMF_START", param="5")
    lab.check("a key that linphone presses reaches baresip", True)
    linphone.command(f"call-pause {call}")
    linphone.wait("Paused")
    baresip.wait("CALL_REMOTE_SDP", param="offer")
    linphone.command(f"call-resume {call}")
    linphone.wait("StreamsRunning")
    baresip.wait("CALL_REMOTE_SDP", param="offer")
    lab.check("it holds and resumes", True)
    linphone.command(f"terminate {call}")
    baresip.wait("CALL_CLOSED")
    linphone.wait("Released")

    baresip.dial(server.lines[0].number)
    call = linphone.wait("IncomingReceived")
    linphone.command(f"answer {call}")
    baresip.wait("CALL_ESTABLISHED")
    linphone.wait("StreamsRunning")
    linphone.says(call)
    lab.check("the other way: baresip hears linphone", baresip.hears(ONE))
    baresip.hang_up()
    linphone.wait("Released")
    lab.check("its call ends when the other hangs up", True)
    lab.check("linphone ends in order", linphone.close() == 0)
    verdict()


@scenario("linphone transfers a call, to a number and to its second call")
def linphone_transfers(lab):
    server = switch.start(lab)
    server.allow_calls(0, 4)
    verdict = server.judged()
    linphone = Linphone(server, 0, "linphone", ONE)
    one, two = server.phone(1, "one", says_hz=TWO), server.phone(2, "two", says_hz=THREE)

    def talks_to(phone, digits):
        """linphone calls, the phone answers; tells the call's number."""
        linphone.dial(digits)
        phone.wait("CALL_INCOMING")
        phone.answer()
        phone.wait("CALL_ESTABLISHED")
        return linphone.wait("StreamsRunning")

    def hang_up():
        one.hang_up()
        for phone in (one, two):
            phone.wait("CALL_CLOSED")

    call = talks_to(one, server.lines[1].number)
    linphone.command(f"call-transfer {call} sip:{server.lines[2].number}@{server.where}")
    two.wait("CALL_INCOMING")
    two.answer()
    two.wait("CALL_ESTABLISHED")
    linphone.wait("Released")
    talk(lab, one, two, ", transferred to a number")
    hang_up()

    first = talks_to(one, server.lines[1].number)
    second = talks_to(two, server.lines[2].number)
    linphone.command(f"call-transfer {first} {second}")
    linphone.wait("Released")
    linphone.wait("Released")
    slices = []  # what follows a hold is heard on the wire only; one of three is whole at the latest
    for _ in range(3):
        time.sleep(0.5)
        slices.append(time.time())
        time.sleep(1)
    hang_up()
    lab.check("linphone ends in order", linphone.close() == 0)
    wire = verdict()
    for phone, hz in ((one, THREE), (two, TWO)):
        heard = [wire.sound_to(phone, at, at + 1) for at in slices]
        lab.check(f"after a word with both, {phone.name} hears the other", any(each.is_tone(hz) for each in heard))
    ties = [side["tied_as"] for row in server.records() for side in (row["calling"], row["called"]) if side["tied_to"]]
    lab.check("the records say which calls belong together",
              sorted(ties) == ["begun", "joined", "transferred", "transferred"], str(ties))
