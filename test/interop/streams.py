"""SIP over TCP and TLS: telephones of all transports call each other, carriers stand behind connections, and what no
sound peer does over one."""

import subprocess

import switch
from calls import ONE, TWO, connect, talk
from flows import CALLED, CALLER, CALLER_TRUNK, REGISTER, line, walk
from lab import PATIENCE_S, scenario
from sipp import Sipp

TLS_PORT = 5061


def make_certificate(folder, name, *alternatives):
    """A key, and a certificate that signs itself: (certificate, key)."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                    "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName={','.join(alternatives)}", "-keyout", key,
                    "-out", certificate], check=True, capture_output=True, timeout=PATIENCE_S)
    return certificate, key


def start(lab, of_tls=""):
    """A switch that listens on UDP and TCP at its first port, and on TLS at the next; of_tls: more settings of that
    listener."""
    server = switch.Switch(lab)
    server.certificate, server.key = make_certificate(lab.folder, "switch", f"IP:{server.address}")
    with server.config.open("a") as config:
        config.write(f'\nlistener "tls" {{\n\taddress = "{server.address}:{TLS_PORT}"\n\ttransport = "tls"\n'
                     f'\tcertificate = "{server.certificate}"\n\tkey = "{server.key}"\n'
                     f'\tauthorities = "{server.certificate}"\n{of_tls}}}\n')
    server.start()
    lab.at_close(server.stop)
    return server


def phone(server, index, name, transport, **how):
    where = f"{server.address}:{TLS_PORT}" if transport == "tls" else server.where
    return server.phone(index, name, where, transport=transport,
                        authority=server.certificate if transport == "tls" else None, **how)


@scenario("phones over UDP, TCP and TLS call each other")
def all_transports(lab):
    server = start(lab)
    verdict = server.judged()
    udp, tcp = phone(server, 0, "udp", "udp", says_hz=ONE), phone(server, 1, "tcp", "tcp", says_hz=TWO)
    tls = phone(server, 2, "tls", "tls", says_hz=1500)
    for caller, called, digits in ((tcp, udp, 0), (tls, tcp, 1), (udp, tls, 2)):
        connect(lab, caller, called, server.lines[digits].number)
        talk(lab, caller, called, f": {caller.name} to {called.name}")
        called.hang_up()
        caller.wait("CALL_CLOSED")
    contacts = {row["line"]: row["peer"] for row in server.ask("registration", "list")}
    lab.check("registrations show their transport", contacts[server.lines[1].name].endswith(";transport=tcp") and
              contacts[server.lines[2].name].endswith(";transport=tls"), str(contacts))
    verdict()


@scenario("flows of RFC 3665 over TCP")
def flows_over_tcp(lab):
    server = start(lab)
    verdict = server.judged()
    walk(lab, "registration over TCP", line(server, 0, "register", REGISTER, tcp=True))
    udp_phone = server.phone(1, "two", auto=True)
    walk(lab, "a call from TCP to UDP", line(server, 0, "caller", CALLER, server.lines[1].number, tcp=True))
    server.say("trunk", "set", "far", f"peers={server.far_where};transport=tcp")
    far = Sipp(lab, "far", CALLED, server.far_address, server.where, who=server.far_number, tcp=True)
    caller = line(server, 2, "caller-out", CALLER, server.far_number[1:], port=5062)
    walk(lab, "a line calls out over a TCP trunk", far, caller)
    walk(lab, "the trunk calls in over TCP", Sipp(lab, "far-calls", CALLER_TRUNK, server.far_address, server.where,
                                                   who=server.far_number, dials=server.lines[1].number, tcp=True))
    lab.check("the phone is there to the end", udp_phone.program.runs())
    verdict()
