"""Call flows to the letter, by SIPp: those of RFC 3665, what the RFC says of errors, and calls on a bad network."""

import switch
from lab import scenario
from sipp import Sipp

FIRST = 30  # SIPp's telephones stand at .30, .31, ... of the lab's network; far switches from .20 on

REGISTER = """
    > REGISTER {Expires: 600}
    < 401 auth
    > REGISTER auth {Expires: 600}
    < 200
"""
CALLER = """
    > INVITE sdp
    < 401 auth
    > ACK
    > INVITE sdp auth
    < 100 ?
    < 180 ?
    < 200
    > ACK
    wait 300
    > BYE
    < 200
"""
CALLED = """
    < INVITE
    > 180 Ringing
    wait 100
    > 200 OK sdp
    < ACK
    < BYE
    > 200 OK
"""
CALLER_TRUNK = """
    > INVITE sdp
    < 100 ?
    < 180 ?
    < 200
    > ACK
    wait 300
    > BYE
    < 200
"""


def line(server, index, name, flow, dials="", **how):
    """SIPp as the telephone of a line. It calls when its ladder begins with a request of its own, else it is called."""
    who = server.lines[index]
    return Sipp(server.lab, name, flow, server.lab.address(FIRST + index), server.where, who=who.name,
                password=who.password, dials=dials, **how)


def far(server, name, flow, dials="", **how):
    """SIPp as the switch of another carrier, on our trunk."""
    return Sipp(server.lab, name, flow, server.far_address, server.where, who=server.far_number, dials=dials, **how)


def register(server, index, flow=REGISTER):
    line(server, index, f"register-{index}", flow).must_finish()


def walk(lab, title, *parties):
    """All parties walk their ladders to the end."""
    why = [reason for reason in (party.finish() for party in parties) if reason]
    lab.check(title, not why, "\n".join(why))


def called(server, index, flow=CALLED, **how):
    """A registered telephone that waits to be called."""
    register(server, index)
    return line(server, index, f"called-{index}", flow, **how)


@scenario("RFC 3665 2: registration", any_server=True)
def registration(lab):
    server = switch.start(lab)
    verdict = server.judged()

    def asks(title, headers, must_hold):
        flow = REGISTER.replace("{Expires: 600}", headers).replace("< 200", f"< 200 ={must_hold}")
        walk(lab, title, line(server, 0, title.split()[0], flow))

    asks("2.1 successful new registration", "{Expires: 600}", ":5060")
    asks("2.2 update of contact list", "{Expires: 600}{Contact: <sip:second@[local_ip]:5099>}", ":5099")
    asks("2.3 request for current contact list", "{Contact: -}", "5060.*5099|5099.*5060")
    asks("2.4 cancellation of registration", "{Expires: 0}{Contact: *}", "SIP/2.0 200")
    wrong = """
        > REGISTER {Expires: 600}
        < 401 auth
        > REGISTER auth {Expires: 600}
        < 401
    """
    server.lines[1].password += "-wrong"
    walk(lab, "2.5 unsuccessful registration", line(server, 1, "wrong", wrong))
    verdict()


@scenario("RFC 3665 3: sessions between lines", any_server=True)
def sessions(lab):
    server = switch.start(lab)
    verdict = server.judged()
    number = server.lines[1].number
    walk(lab, "3.1 successful session establishment", called(server, 1, calls=3),
         line(server, 0, "caller", CALLER, number, calls=3, rate=2))

    new_address = CALLER.replace("wait 300", "> INVITE sdp\n< 100 ?\n< 200\n> ACK\nwait 200")
    walk(lab, "3.7 session with re-INVITE", called(server, 1, CALLED.replace(
        "< BYE", "< INVITE\n> 200 OK sdp\n< ACK\n< BYE")), line(server, 0, "moves", new_address, number))

    gives_up = CALLER.split("< 200")[0].replace("< 180 ?", "< 180") + """
        wait 200
        > CANCEL
        < 200
        < 487
        > ACK
    """
    walk(lab, "3.8 no answer: the caller gives up", called(server, 1, """
        < INVITE
        > 180 Ringing
        < CANCEL
        > 200 OK
        > 487 Request Terminated
        < ACK
    """), line(server, 0, "gives-up", gives_up, number))

    for title, status, answer in (("3.9 busy", "486", "Busy Here"),
                                  ("3.11 temporarily unavailable", "480", "Temporarily Unavailable")):
        refused = CALLER.split("< 200")[0] + f"< {status}\n> ACK"
        walk(lab, title, called(server, 1, f"< INVITE\n> 100 Trying\n> {status} {answer}\n< ACK"),
             line(server, 0, "caller-" + status, refused, number))
    verdict()


@scenario("calls to and from another carrier", any_server=True)
def trunk(lab):
    server = switch.start(lab)
    verdict = server.judged()
    walk(lab, "a line calls out", far(server, "far", CALLED, calls=2),
         line(server, 0, "out", CALLER, server.far_number, calls=2, rate=2))
    walk(lab, "and the far party hangs up first", far(server, "far-ends", CALLED.replace("< BYE\n", "wait 200\n> BYE\n")
         .replace("> BYE\n    > 200 OK", "> BYE\n    < 200")),
         line(server, 0, "out-ended", CALLER.replace("wait 300\n    > BYE\n    < 200", "< BYE\n    > 200 OK"),
              server.far_number))
    walk(lab, "the far switch calls a line", called(server, 1),
         far(server, "far-calls", CALLER_TRUNK, server.lines[1].number))
    verdict()


@scenario("one packet in twelve is lost", any_server=True)
def lossy(lab):
    # Of 30 requests that take two hops, repeated as the RFC says, one goes unanswered in some 20,000 runs.
    server = switch.start(lab)
    server.allow_calls(0, 20)
    server.allow_calls(1, 20)
    # An INVITE that was repeated before its challenge came is challenged twice.
    patient = CALLER.replace("< 100 ?", "< 401 ?\n    < 100 ?\n    < 401 ?").replace("wait 300", "wait 4000")
    lossy_network = {"calls": 10, "lost_percent": 8, "timeout_s": 300}
    walk(lab, "10 calls all the same", called(server, 1, CALLED.replace("< ACK", "< ACK ?") + "linger 8000", **lossy_network),
         line(server, 0, "caller", patient + "linger 4000", server.lines[1].number, rate=5, **lossy_network))


@scenario("what the RFC refuses", any_server=True)
def refusals(lab):
    server = switch.start(lab)
    verdict = server.judged()
    number = server.lines[1].number
    for title, flow in (
        ("OPTIONS is answered", "> OPTIONS\n< 200"),
        ("BYE of no dialog: 481", "> BYE {To: <sip:nobody@[remote_ip]>;tag=none}\n< 481"),
        ("too many hops: 483", "> INVITE sdp {Max-Forwards: 0}\n< 483\n> ACK"),
        ("an unknown method: 405", "> FROBNICATE\n< 405"),
    ):
        walk(lab, title, line(server, 0, "asks-" + title.split(":")[0].replace(" ", "-"), flow, number))
    verdict()
