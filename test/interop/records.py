"""What is left of a call: its record, its trail, its ladder; and what a switch that was killed knows of it."""

import re
import time

import switch
from calls import ONE, TWO, connect, talk
from lab import scenario, wait_until


@scenario("the record, the trail and the ladder of a call")
def record_of_a_call(lab):
    server = switch.start(lab)
    one, two = server.phone(0, "one", says_hz=ONE), server.phone(1, "two", says_hz=TWO)
    began = time.monotonic()
    connect(lab, one, two, server.lines[1].number)
    talk(lab, one, two)
    standing = server.ask("call", "list")
    lab.check("one call stands", len(standing) == 1, standing)
    wait_until(lambda: all(phone.heard().seconds > 1.5 for phone in (one, two)))
    one.hang_up()
    two.wait("CALL_CLOSED")
    took_ms = 1000 * (time.monotonic() - began)
    record = server.last_record(server.lines[0])
    lab.check("who and whom", record["calling"]["line"] == server.lines[0].name
              and record["called"]["line"] == server.lines[1].name, record)
    lab.check("answered and for how long", record["is_answered"] and 1000 < record["answered_for_ms"] < took_ms, record)
    lab.check("normal clearing", record["cause"]["value"] == 16, record)
    for side in ("calling", "called"):
        got = record[side]["received"]
        lab.check(f"{side}: media counted", got["packets"] > 50, got)
    ladder = server.say("call", "ladder", record["call"])
    lab.check("a ladder", all(word in ladder for word in ("INVITE", "180", "200", "ACK", "BYE")), ladder)
    trail = server.say("call", "explain", record["call"])
    lab.check("a trail", server.lines[1].number in trail, trail)
    dry = server.ask("dial", server.lines[0].name, server.lines[1].number)
    lab.check("a dry run says the same", dry["called"]["line"] == server.lines[1].name, dry)


@scenario("messages in full, of a line that is traced")
def traced(lab):
    server = switch.start(lab)
    one, two = server.phone(0, "one", says_hz=ONE), server.phone(1, "two", says_hz=TWO)

    def call():
        """From one to two; how its ladder is told while it stands, and once it is over."""
        before = len(server.records(line=server.lines[0].name))
        connect(lab, one, two, server.lines[1].number)
        standing, = server.ask("call", "list")
        during = server.say("call", "ladder", standing["call"])
        one.hang_up()
        two.wait("CALL_CLOSED")
        record = server.last_record(server.lines[0], before + 1)
        return standing, during, server.say("call", "ladder", record["call"])

    standing, during, after = call()
    lab.check("no call is traced unless someone asks", not standing["traced"] and "Call-ID:" not in during + after, after)
    server.say("call", "trace", f"line={server.lines[1].name}", "on")
    standing, during, after = call()
    lab.check("a call to the line is marked", standing["traced"], standing)
    lab.check("its messages stand under the ladder in full, with their bodies",
              all(text in during for text in (f"INVITE sip:{server.lines[1].name}", "m=audio", "SIP/2.0 180", "CSeq: 1 INVITE")),
              during)
    lab.check("once it is over too, up to the BYE and its answer",
              "leg 0, received\n    BYE" in after and re.search(r"SIP/2.0 200 OK(\n    .+)*\n    CSeq: \d+ BYE", after), after)
    lab.check("but the caller's INVITE, which came before the line was found",
              "leg 0, received\n    INVITE" not in after and "leg 1, sent\n    INVITE" in after, after)
    server.say("call", "trace", f"line={server.lines[1].name}", "off")
    server.say("call", "trace", f"line={server.lines[0].name}", "on")
    standing, during, after = call()
    lab.check("of the line's own calls the first INVITE too", "leg 0, received\n    INVITE" in after, after)
    secrets = re.findall(r'(?im)^\s*Authorization:.*response="([^"]*)"', after)
    lab.check("credentials are blanked", secrets and all(set(secret) == {"."} for secret in secrets), after)
    server.say("call", "trace", f"line={server.lines[0].name}", "off")
    standing, during, after = call()
    lab.check("off is off", "Call-ID:" not in during + after, after)


@scenario("sequence numbers have no gaps")
def no_gaps(lab):
    server = switch.start(lab)
    one, two = server.phone(0, "one", says_hz=ONE), server.phone(1, "two", says_hz=TWO)
    for _ in range(5):
        one.dial(server.lines[1].number)
        two.wait("CALL_INCOMING")
        one.hang_up()
        two.wait("CALL_CLOSED")
    server.last_record(server.lines[0], 5)
    numbers = [record["sequence"] for record in server.records()]
    lab.check("unanswered attempts have records too", len(numbers) == 5, numbers)
    lab.check("one after the other", numbers == list(range(numbers[0], numbers[0] + 5)), numbers)


@scenario("a killed switch loses no answered call")
def killed(lab):
    server = switch.start(lab)
    one, two = server.phone(0, "one", says_hz=ONE), server.phone(1, "two", says_hz=TWO)
    connect(lab, one, two, server.lines[1].number)
    talk(lab, one, two)
    server.kill()
    server.start()
    one.wait("CALL_CLOSED")
    two.wait("CALL_CLOSED")
    lab.check("both phones are told", True)
    record = server.last_record(server.lines[0])
    lab.check("its record is there, closed at its last proof of life", record["is_answered"] and record["recovered"],
              record)
    connect(lab, one, two, server.lines[1].number)
    lab.check("its phones are still registered", True)
    talk(lab, one, two)
    one.hang_up()
    two.wait("CALL_CLOSED")


@scenario("a reload and a stop touch no call")
def reload_and_stop(lab):
    server = switch.start(lab, "stop_limit_s = 600\n")
    one, two = server.phone(0, "one", says_hz=ONE), server.phone(1, "two", says_hz=TWO)
    connect(lab, one, two, server.lines[1].number)
    server.program.process.send_signal(1)
    talk(lab, one, two, " after a reload")
    server.program.process.send_signal(15)
    wait_until(lambda: server.ask("status")["stopping"])
    talk(lab, one, two, " while it wants to stop")
    two.dial(server.lines[0].number)
    closed = two.wait("CALL_CLOSED")
    lab.check("but no new call is taken", "503" in closed["param"], closed)
    two.hang_up()
    one.hang_up()
    lab.check("and then it ends", server.program.wait() == 0)
