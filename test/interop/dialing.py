"""What a line can dial: dial tone and digits in DTMF, star codes, numbers that lead nowhere, emergency numbers."""

import statistics

import switch
import tones
from calls import ONE, THREE, TWO, talk
from flows import CALLED, far
from lab import scenario, wait_until

SIT_FIRST = (913.8, 985.2)  # the first segment of the special information tones


def lift(lab, phone):
    """Lifts the handset: a call without digits, and dial tone."""
    phone.dial("")
    phone.wait("CALL_ESTABLISHED")
    lab.check("dial tone", phone.hears(*tones.DIAL, seconds=0.6))


def breaks(lab, phone, digit):
    """The first digit breaks dial tone."""
    phone.press(digit)
    lab.check("the first digit breaks dial tone", phone.hears_nothing(0.5))


@scenario("dial tone, DTMF, ring-back, and through")
def dial_tone(lab):
    server = switch.start(lab)
    verdict = server.judged()
    one, two = server.phone(0, "one", says_hz=ONE), server.phone(1, "two", says_hz=TWO)
    number = server.lines[1].number
    lift(lab, one)
    level = one.heard().last(0.5).dbm0()
    lab.check("at its level: two tones of -13 dBm0", abs(level - -10.0) < 1.5, level)
    breaks(lab, one, number[0])
    one.press(number[1:])
    two.wait("CALL_INCOMING")
    lab.check("ring-back", one.hears(*tones.RING_BACK, seconds=0.6))
    two.answer()
    two.wait("CALL_ESTABLISHED")
    talk(lab, one, two)
    one.hang_up()
    two.wait("CALL_CLOSED")
    record = server.last_record(server.lines[0])
    lab.check("charged from the far answer", record["is_answered"] and record["dialled"] == number, record)
    verdict()


@scenario("dial tone, and the called party is busy")
def dial_tone_busy(lab):
    server = switch.start(lab)
    one, two = server.phone(0, "one", says_hz=ONE), server.phone(1, "two", says_hz=TWO)
    lift(lab, one)
    one.press(server.lines[1].number)
    two.wait("CALL_INCOMING")
    two.hang_up()
    fresh = one.since()
    lab.check("busy tone", one.hears(*tones.BUSY, seconds=0.3))
    wait_until(lambda: fresh().seconds > 5)
    runs = [seconds for _, seconds in fresh().cadence()[1:-1] if seconds > 0.1]
    # Most of them: a packet may be late.
    lab.check("half a second on, half off", runs and abs(statistics.median(runs) - 0.5) < 0.1, runs)
    one.hang_up()
    record = server.last_record(server.lines[0])
    lab.check("the record says busy, and no charge", record["cause"]["value"] == 17 and not record["is_answered"],
              record)


@scenario("caller-ID blocking by *67")
def star_67(lab):
    server = switch.start(lab)
    one, two = server.phone(0, "one", says_hz=ONE), server.phone(1, "two", says_hz=TWO)
    one.dial(server.lines[1].number)
    shown = two.wait("CALL_INCOMING")
    lab.check("the number is shown", server.lines[0].number in shown["peeruri"], shown)
    one.hang_up()
    two.wait("CALL_CLOSED")
    one.dial("*67" + server.lines[1].number)
    shown = two.wait("CALL_INCOMING")
    lab.check("with *67 it is not", server.lines[0].number not in str(shown), shown)
    one.hang_up()
    two.wait("CALL_CLOSED")
    lift(lab, one)
    one.press("*67")
    lab.check("recall dial tone", one.hears(*tones.DIAL, seconds=0.5))
    one.press(server.lines[1].number)
    shown = two.wait("CALL_INCOMING")
    lab.check("and by DTMF it is not, either", server.lines[0].number not in str(shown), shown)


@scenario("call forwarding, set from the phone")
def forwarding(lab):
    server = switch.start(lab)
    boss, desk, caller = (server.phone(index, name, says_hz=hz)
                          for index, name, hz in ((0, "boss", ONE), (1, "desk", TWO), (2, "caller", THREE)))
    boss.dial("*72" + server.lines[1].number)
    boss.wait("CALL_CLOSED")
    caller.dial(server.lines[0].number)
    desk.wait("CALL_INCOMING")
    desk.answer()
    caller.wait("CALL_ESTABLISHED")
    talk(lab, caller, desk)
    lab.check("the forwarding line does not ring", not boss.has("CALL_INCOMING"))
    caller.hang_up()
    desk.wait("CALL_CLOSED")
    boss.dial("*73")
    boss.wait("CALL_CLOSED")
    caller.dial(server.lines[0].number)
    boss.wait("CALL_INCOMING")
    lab.check("and rings again after *73", True)


def told(lab, phone, title, digits):
    """The call ends with an announcement: special information tone, then a voice."""
    fresh = phone.since()
    phone.dial(digits)
    phone.wait("CALL_CLOSED")
    heard = fresh()
    first = heard.part(0.05, 0.25)
    lab.check(f"{title}: special information tone", max(first.share(hz) for hz in SIT_FIRST) > 0.8, heard.seconds)
    lab.check(f"{title}: and a voice that says why", heard.seconds > 3 and not heard.part(1.5, 3).is_silent(),
              heard.seconds)


@scenario("numbers that lead nowhere are told so")
def intercept(lab):
    server = switch.start(lab)
    verdict = server.judged()
    one = server.phone(0, "one", says_hz=ONE)
    told(lab, one, "a vacant number", "6035550190")
    told(lab, one, "a changed number", "6035550191")
    told(lab, one, "seven digits where ten are the rule", "5550102")
    capture, ours = verdict(), f"ip.src == {server.address} && rtcp.pt == 200"
    reports, goodbyes = capture.count(f"{ours} && rtcp.pt == 202"), capture.count(f"{ours} && rtcp.pt == 203")
    lab.check("RTCP says what was sent, and that it is over", reports > goodbyes == 3, f"{reports}, {goodbyes}")


@scenario("the dialling plans of two states")
def dialling_plans(lab):
    server = switch.start(lab)
    portland, bangor = server.phone(5, "portland", says_hz=ONE), server.phone(6, "bangor", says_hz=TWO)
    concord = server.phone(0, "concord", says_hz=THREE)
    bangor_number, concord_number = server.lines[6].number, server.lines[0].number
    for caller, called, digits in ((portland, bangor, bangor_number[3:]), (portland, bangor, bangor_number),
                                   (portland, bangor, "1" + bangor_number), (concord, bangor, "1" + bangor_number),
                                   (portland, concord, concord_number), (concord, portland, "+1" + portland.user)):
        caller.dial(digits)
        called.wait("CALL_INCOMING")
        lab.check(f"{caller.name} dials {digits}: {called.name} rings", True)
        caller.hang_up()
        called.wait("CALL_CLOSED")


@scenario("911 without a trunk for it, and with one")
def emergency(lab):
    server = switch.start(lab)
    one = server.phone(0, "one", says_hz=ONE)
    server.say("trunk", "set", "far", "emergency=no")
    lab.check("the operator is told", "911" in server.say("check", may_fail=True))
    one.dial("911")
    one.wait("CALL_CLOSED")
    lab.check("the caller is told", one.heard().seconds > 2, one.heard().seconds)
    server.say("trunk", "set", "far", "emergency=yes")
    server.say("line", "set", server.lines[0].name, "suspended=yes")
    psap = far(server, "psap", CALLED.replace("< BYE", "wait 1000\n> BYE").replace("> BYE\n    > 200 OK",
                                                                                  "> BYE\n    < 200"))
    one.dial("*67911")
    one.wait("CALL_ESTABLISHED")
    lab.check("a suspended line reaches 911", psap.finish() == "")
    lab.check("with its number, whatever it dialled before", server.lines[0].number in psap.got())
