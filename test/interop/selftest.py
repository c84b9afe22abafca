"""The tools of these tests can fail: each is shown something wrong, and must say so. No switch is needed."""

import os
import signal
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import attacker
import tones
from baresip import Phone
from judge import Capture
from lab import Lab, scenario, wait_until
from sipp import Sipp

OPTIONS = ("OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
           "To: <sip:b@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n")


@scenario("tools: tones", any_server=True)
def tone_tools(lab):
    lab.check("mu-law is ITU's", [tones.MU_LAW[octet] for octet in (0xff, 0x7f, 0x80, 0x00, 0xf0, 0xaf)]
              == [0, 0, 32124, -32124, 120, 4092])
    tones.write_tone(lab.folder / "dial.wav", (350, 440), seconds=1, amplitude=8000)
    dial = tones.Recording.read(lab.folder / "dial.wav")
    lab.check("a tone of two is found", dial.is_tone(*tones.DIAL) and dial.seconds_of(*tones.DIAL) > 0.9)
    lab.check("and is no other", not dial.is_tone(*tones.RING_BACK) and not dial.is_tone(350) and not dial.is_tone(440))
    half = tones.Recording(dial.samples[:4000] + tones.array.array("h", [0] * 4000), 8000)
    lab.check("its cadence", half.cadence() == [(True, 0.5), (False, 0.5)], half.cadence())
    lab.check("its level", abs(tones.Recording(dial.samples, 8000).dbm0() - -12.0) < 0.2, dial.dbm0())


@scenario("tools: phones alone", any_server=True)
def phones_alone(lab):
    one, two = Phone(lab, "one", "one", password="x", says_hz=700), Phone(lab, "two", "two", password="x", says_hz=1100)
    one.dial(f"sip:two@127.0.0.1:{two.port}")
    two.wait("CALL_INCOMING")
    two.answer()
    one.wait("CALL_ESTABLISHED")
    lab.check("tones both ways", one.hears(1100) and two.hears(700))
    lab.check("a tone that is not there is not heard", not one.hears(700, timeout_s=1))
    one.hang_up()
    two.wait("CALL_CLOSED")
    lab.check("and then silence", one.hears_nothing(0.3))


@scenario("tools: the judge", any_server=True)
def judge_tool(lab):
    capture = Capture(lab)
    good, bad = lab.address(1), lab.address(2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two:
        one.bind((good, 5060))
        two.bind((bad, 5060))
        one.sendto(OPTIONS.encode(), (bad, 5060))
        two.sendto(OPTIONS.replace("Max-Forwards: 70\r\n", "").encode(), (good, 5060))
        two.sendto(OPTIONS.replace("Via: ", "Via ").encode(), (good, 5060))
        two.sendto(OPTIONS.replace("1 OPTIONS", "1 INVITE").encode(), (good, 5060))
    capture.stop()
    lab.check("finds nothing in a good packet", not capture.faults(good), capture.faults(good))
    faults = "\n".join(capture.faults(bad))
    lab.check("finds what bad ones lack",
              all(word in faults for word in ("Max-Forwards", "no colon", "CSeq of another")), faults)


@scenario("tools: SIPp", any_server=True)
def sipp_tool(lab):
    called = Sipp(lab, "busy", "< INVITE\n> 486 Busy Here\n< ACK", lab.address(2))
    caller = Sipp(lab, "hopeful", "> INVITE sdp\n< 200\n> ACK", lab.address(1), f"{lab.address(2)}:5060")
    why = caller.finish()
    lab.check("a call that goes another way than its ladder has failed", "unexpected" in why and "486" in why, why)
    called.program.stop()
    held = Sipp(lab, "ok", "< OPTIONS\n> 200 OK", lab.address(2))
    caller = Sipp(lab, "asks", "> OPTIONS\n< 200 =Server: none", lab.address(1), f"{lab.address(2)}:5060")
    lab.check("a message without the text that it must hold, too", caller.finish() != "")
    held.program.stop()


@scenario("tools: the attacker", any_server=True)
def attacker_tool(lab):
    address = lab.address(1)
    lab.start("leaky", [sys.executable, "-B", os.path.join(os.path.dirname(__file__), "leaky.py"),
                        address]).wait_said("listening")
    names = attacker.dictionary(lab, "names", ["one", "known", "two"])
    told = attacker.sipvicious(lab, "svwar", "-m", "REGISTER", "-d", names, address)
    lab.check("svwar finds the line of a server that tells", "| known" in told and "| two" not in told, told)
    stranger = attacker.Stranger(lab)
    server = SimpleNamespace(address=address, where=f"{address}:5060")
    answers = {attacker.probe(stranger, server, "REGISTER", who, False)[0] for who in ("known", "two")}
    lab.check("and so do our own probes", len(answers) == 2)


@scenario("tools: a lab ends whole", any_server=True)
def lab_ends_whole(lab):
    with Lab() as other:
        lab.check("two labs have two networks", other.net != lab.net)
    # A process that starts a lab with a program in it, and is killed before it could tidy up.
    code = ("from lab import Lab\nimport time\nlab = Lab().__enter__()\n"
            "p = lab.start('sleeper', ['sleep', '1000'])\nprint(p.process.pid, lab.folder, flush=True)\ntime.sleep(100)")
    child = subprocess.Popen([sys.executable, "-B", "-c", code], stdout=subprocess.PIPE, text=True,
                             cwd=os.path.dirname(__file__))
    pid, folder = child.stdout.readline().split()
    time.sleep(0.1)
    child.send_signal(signal.SIGKILL)
    child.wait()
    lab.check("even when it is killed", wait_until(lambda: not os.path.exists(f"/proc/{pid}")))
    for file in os.listdir(folder):
        os.unlink(os.path.join(folder, file))
    os.rmdir(folder)
