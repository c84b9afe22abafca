"""What people do with telephones: baresip phones on lines of the switch, and what each of them hears."""

import time

import switch
from lab import scenario

ONE, TWO, THREE = 700, 1100, 1500  # what the phones say, Hz


def talk(lab, one, two, title=""):
    """Each hears the other, and nothing else."""
    lab.check(f"the caller hears the called party{title}", one.hears(two.says_hz))
    lab.check(f"the called party hears the caller{title}", two.hears(one.says_hz))


def connect(lab, one, two, digits):
    """One dials, two rings and answers."""
    one.dial(digits)
    two.wait("CALL_INCOMING")
    one.wait("CALL_RINGING")
    two.answer()
    one.wait("CALL_ESTABLISHED")
    two.wait("CALL_ESTABLISHED")


@scenario("two phones talk", any_server=True)
def two_phones_talk(lab):
    server = switch.start(lab)
    verdict = server.judged()
    one, two = server.phone(0, "one", says_hz=ONE), server.phone(1, "two", says_hz=TWO)
    connect(lab, one, two, server.lines[1].number)
    talk(lab, one, two)
    one.hang_up()
    two.wait("CALL_CLOSED")
    lab.check("the caller's hanging up ends the call", True)
    connect(lab, two, one, server.lines[0].number)
    talk(lab, two, one, " the other way")
    one.hang_up()
    two.wait("CALL_CLOSED")
    lab.check("the called party's hanging up ends the call", True)
    verdict()


@scenario("the caller gives up", any_server=True)
def caller_gives_up(lab):
    server = switch.start(lab)
    verdict = server.judged()
    one, two = server.phone(0, "one", says_hz=ONE), server.phone(1, "two", says_hz=TWO)
    one.dial(server.lines[1].number)
    two.wait("CALL_INCOMING")
    one.wait("CALL_RINGING")
    one.hang_up()
    two.wait("CALL_CLOSED")
    lab.check("the called phone stops ringing", not two.has("CALL_ESTABLISHED"))
    connect(lab, one, two, server.lines[1].number)
    lab.check("the line is free for the next call", one.hears(TWO))
    verdict()


@scenario("the called party refuses", any_server=True)
def called_refuses(lab):
    server = switch.start(lab)
    one, two = server.phone(0, "one", says_hz=ONE), server.phone(1, "two", says_hz=TWO)
    one.dial(server.lines[1].number)
    two.wait("CALL_INCOMING")
    two.hang_up()
    closed = one.wait("CALL_CLOSED")
    lab.check("the caller is told why", "486" in closed["param"], closed["param"])


@scenario("one line, two phones: the first answer wins", any_server=True)
def first_answer_wins(lab):
    server = switch.start(lab)
    verdict = server.judged()
    one = server.phone(0, "one", says_hz=ONE)
    desk, kitchen = server.phone(1, "desk", says_hz=TWO), server.phone(1, "kitchen", says_hz=THREE)
    one.dial(server.lines[1].number)
    desk.wait("CALL_INCOMING")
    kitchen.wait("CALL_INCOMING")
    lab.check("both phones of the line ring", True)
    kitchen.answer()
    one.wait("CALL_ESTABLISHED")
    desk.wait("CALL_CLOSED")
    lab.check("the other stops ringing", not desk.has("CALL_ESTABLISHED"))
    talk(lab, one, kitchen)
    one.hang_up()
    kitchen.wait("CALL_CLOSED")
    verdict()


@scenario("hold and resume", any_server=True)
def hold_and_resume(lab):
    server = switch.start(lab)
    verdict = server.judged()
    one, two = server.phone(0, "one", says_hz=ONE), server.phone(1, "two", says_hz=TWO)
    connect(lab, one, two, server.lines[1].number)
    talk(lab, one, two)
    slices = []  # (what, its seconds): it comes to what it should be in one of three at the latest

    def listen(name):
        for _ in range(3):
            time.sleep(0.5)
            slices.append((name, time.time()))
            time.sleep(1)

    for holder, held, who in ((one, two, "the caller"), (two, one, "the called party")):
        holder.hold()
        held.wait("CALL_REMOTE_SDP", param="offer")
        listen(f"{who} holds")
        holder.resume()
        held.wait("CALL_REMOTE_SDP", param="offer")
        listen(f"{who} resumes")
    one.hang_up()
    two.wait("CALL_CLOSED")
    wire = verdict()
    for name in dict.fromkeys(name for name, _ in slices):
        heard = [(wire.sound_to(one, at, at + 1), wire.sound_to(two, at, at + 1))
                 for each, at in slices if each == name]
        if name.endswith("holds"):
            lab.check(f"{name}: silence both ways", any(to_one.is_silent() and to_two.is_silent()
                                                        for to_one, to_two in heard))
        else:
            lab.check(f"{name}: they hear each other again", any(to_one.is_tone(TWO) and to_two.is_tone(ONE)
                                                                 for to_one, to_two in heard))


@scenario("digits pressed in a call", any_server=True)
def digits_in_a_call(lab):
    server = switch.start(lab)
    one, two = server.phone(0, "one", says_hz=ONE), server.phone(1, "two", says_hz=TWO)
    connect(lab, one, two, server.lines[1].number)
    talk(lab, one, two)
    digits = "159*0#"
    one.press(digits)
    for digit in digits:
        two.wait("CALL_DTMF_START", param=digit)
        two.wait("CALL_DTMF_END")
    told = [event["param"] for event in two.events if event["type"] == "CALL_DTMF_START"]
    lab.check("each digit arrives once, in order", told == list(digits), told)


@scenario("codecs", any_server=True)
def codecs(lab):
    server = switch.start(lab)
    wide, wide2 = (server.phone(index, name, says_hz=hz, codecs=("g722", "pcmu"))
                   for index, name, hz in ((0, "wide", ONE), (1, "wide2", TWO)))
    connect(lab, wide, wide2, server.lines[1].number)
    lab.check("G.722 end to end", wide.heard().rate == 16000 and wide2.hears(ONE), wide.heard().rate)
    wide.hang_up()
    wide2.wait("CALL_CLOSED")
    a_law, mu_law = server.phone(2, "a-law", says_hz=ONE, codecs=("pcma",)), server.phone(
        3, "mu-law", says_hz=TWO, codecs=("pcmu",))
    a_law.dial(server.lines[3].number)
    closed = a_law.wait("CALL_CLOSED")
    lab.check("nothing in common: 488", "488" in closed["param"], closed["param"])
    lab.check("and no call", not mu_law.has("CALL_ESTABLISHED"))
