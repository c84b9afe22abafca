"""TLS as OpenSSL's own client sees it: versions, resumption, certificates asked for and renewed."""

import signal
import subprocess

import streams
from calls import ONE, TWO, connect, talk
from lab import PATIENCE_S, scenario, wait_until

# From an address that nobody has: the answer comes by the connection.
OPTIONS = ("OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bKtls{0}\r\nFrom: <sip:x@x.example>;tag=t\r\n"
           "To: <sip:x@x.example>\r\nCall-ID: tls{0}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n")


class Client:
    """One session of `openssl s_client` that asks one OPTIONS: what it printed, and whether the switch answered."""

    number = 0

    def __init__(self, server, *words):
        Client.number += 1
        command = ["openssl", "s_client", "-connect", f"{server.address}:{streams.TLS_PORT}", "-CAfile", server.certificate,
                   "-nocommands", *words]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace") as process:
            self.said = ""
            try:
                process.stdin.write(OPTIONS.format(Client.number))
                process.stdin.flush()
            except BrokenPipeError:
                pass
            for line in process.stdout:
                self.said += line
                if line.startswith("Allow:") or line.startswith("Content-Length:"):
                    break
            process.stdin.close()
            self.said += process.stdout.read()
            process.wait(PATIENCE_S)
        self.answered = "SIP/2.0 " in self.said


@scenario("OpenSSL's client speaks TLS 1.2 and 1.3, resumes, and is refused what is older")
def versions(lab):
    server = streams.start(lab)
    for word, version in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
        session = lab.folder / f"session{word}"
        first = Client(server, word, "-sess_out", session)
        lab.check(f"{version} is answered", first.answered and f"New, {version}" in first.said, first.said)
        lab.check(f"{version}: the certificate is believed", "Verify return code: 0 (ok)" in first.said, first.said)
        again = Client(server, word, "-sess_in", session)
        lab.check(f"{version} resumes", again.answered and f"Reused, {version}" in again.said, again.said)
    for word in ("-tls1", "-tls1_1"):
        old = Client(server, word, "-cipher", "DEFAULT@SECLEVEL=0")
        lab.check(f"{word[1:]} is refused", not old.answered and "alert protocol version" in old.said, old.said)
    weak = Client(server, "-tls1_2", "-cipher", "AES128-SHA")
    lab.check("a cipher without forward secrecy is refused", not weak.answered and "handshake failure" in weak.said, weak.said)


@scenario("a new certificate is for new sessions, and calls go on")
def renewed(lab):
    server = streams.start(lab)
    one, two = streams.phone(server, 0, "one", "tls", says_hz=ONE), streams.phone(server, 1, "two", "tls", says_hz=TWO)
    connect(lab, one, two, server.lines[1].number)
    talk(lab, one, two)
    session = lab.folder / "session"
    before = Client(server, "-tls1_3", "-sess_out", session)
    lab.check("the certificate of before is shown", before.answered and "Verify return code: 0" in before.said, before.said)
    streams.make_certificate(lab.folder, "switch", f"IP:{server.address}", "DNS:renewed.example")
    server.program.process.send_signal(signal.SIGHUP)
    lab.check("a new session sees the new one",
              wait_until(lambda: "Verify return code: 0" in Client(server, "-verify_hostname", "renewed.example").said))
    again = Client(server, "-tls1_3", "-sess_in", session)
    lab.check("no session of before resumes", again.answered and "New, TLSv1.3" in again.said, again.said)
    talk(lab, one, two, " after the reload")
    one.hang_up()
    two.wait("CALL_CLOSED")
    server.certificate.write_text("no certificate\n")
    server.program.process.send_signal(signal.SIGHUP)
    server.program.wait_said("tls_not_reloaded")
    lab.check("`check` says what is wrong with the file", "the certificate cannot be used" in
              server.say("check", may_fail=True))
    server.certificate, server.key = streams.make_certificate(lab.folder, "other", f"IP:{server.address}")
    kept = Client(server)
    lab.check("and the one of before is kept", kept.answered, kept.said)


@scenario("who must show a certificate and has none is refused")
def clients(lab):
    certificate, key = streams.make_certificate(lab.folder, "carrier", "DNS:carrier.example")
    stranger = streams.make_certificate(lab.folder, "stranger", "DNS:stranger.example")
    server = streams.start(lab, f'\tclients = "{certificate}"\n')
    for word in ("-tls1_2", "-tls1_3"):
        known = Client(server, word, "-cert", certificate, "-key", key)
        lab.check(f"{word[1:]}: who shows one is answered", known.answered, known.said)
        nobody, other = Client(server, word), Client(server, word, "-cert", stranger[0], "-key", stranger[1])
        lab.check(f"{word[1:]}: who shows none is not", not nobody.answered, nobody.said)
        lab.check(f"{word[1:]}: nor who shows another's", not other.answered, other.said)
