"""Kamailio as the edge of a carrier: it challenges our requests, has us registered, stands in the way with
Record-Route, and behind it SIPp is the carrier's telephone. Over UDP and over TLS, in both directions."""

import switch
from flows import CALLED, CALLER_TRUNK, walk
from lab import Failed, scenario, wait_until
from sipp import Sipp
from streams import TLS_PORT, make_certificate

USER, PASSWORD, REALM = "dialtone", "so-secret", "edge.example"
CONFIG = """\
#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=2
tcp_children=2
{tls_on}
auto_aliases=no
dns=no
rev_dns=no
listen=udp:{address}:5060
{tls_listen}
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
{tls_module}
modparam("usrloc", "db_mode", 0)
modparam("tm", "fr_timer", 30000)

request_route {{
	if (!mf_process_maxfwd_header("70")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
	if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
	if (is_method("REGISTER")) {{
		if (!pv_www_authenticate("{realm}", "{password}", "0")) {{ www_challenge("{realm}", "1"); exit; }}
		save("location");
		exit;
	}}
	if (is_method("OPTIONS") && $rU == $null) {{ sl_send_reply("200", "OK"); exit; }}
	# Whatever begins at the switch is challenged, also the end of a call.
	if ($si == "{switch}" && is_method("INVITE|BYE")) {{
		if (!pv_proxy_authenticate("{realm}", "{password}", "0")) {{ proxy_challenge("{realm}", "1"); exit; }}
		consume_credentials();
	}}
	if (has_totag()) {{
		if (loose_route()) t_relay();
		else if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); }}
		else sl_send_reply("481", "Call/Transaction Does Not Exist");
		exit;
	}}
	if (!is_method("INVITE")) exit;
	record_route();
	if ($si == "{switch}") {{ $du = "sip:{behind}:5060"; t_relay(); exit; }}
	if (!lookup("location")) {{ sl_send_reply("480", "Temporarily Unavailable"); exit; }}
	t_relay();
}}
"""


class Edge:
    """Kamailio at the address of our trunk's peer; the carrier's telephone stands behind it."""

    def __init__(self, lab, server, tls):
        self.lab, self.address, self.behind = lab, server.far_address, lab.address(21)
        told = {"tls_on": "", "tls_listen": "", "tls_module": ""}
        if tls:
            told = {"tls_on": "enable_tls=yes", "tls_listen": f"listen=tls:{self.address}:{TLS_PORT}",
                    "tls_module": 'loadmodule "tls.so"\nmodparam("tls", "tls_method", "TLSv1.2+")\n'
                                  f'modparam("tls", "certificate", "{tls[0]}")\nmodparam("tls", "private_key", "{tls[1]}")'}
        file = lab.folder / "edge.cfg"
        file.write_text(CONFIG.format(address=self.address, behind=self.behind, switch=server.address, realm=REALM,
                                      password=PASSWORD, **told))
        self.program = lab.start("edge", ["kamailio", "-f", file, "-DD", "-m", "32", "-M", "8", "-Y", lab.folder, "-w",
                                          lab.folder])
        self.program.wait_said("Listening on")

    def telephone(self, name, flow, number, dials=""):
        return Sipp(self.lab, name, flow, self.behind, f"{self.address}:5060", who=number, dials=dials)


def try_both_ways(lab, server, where, tls=None):
    verdict = server.judged()
    edge = Edge(lab, server, tls)
    number = server.lines[1].number
    server.say("trunk", "set", "far", f"peers={where}", f"nets={edge.address}/32", f"user={USER}", f"realm={REALM}",
               f"password={PASSWORD}", f"register=sip:+1{number}@{REALM}", "trusted=yes")

    def registered():
        said = server.ask("trunk", "show", "far")["registered"] or ""
        return said.startswith("registered until") and said
    lab.check("the switch registers with the edge, which challenges it", bool(wait_until(registered)),
              server.say("trunk", "show", "far"))
    answers = server.phone(1, "answers", auto=True)
    behind = edge.telephone("behind", CALLED, server.far_number)
    caller = server.phone(0, "caller")
    caller.dial(server.far_number[1:])
    caller.wait("CALL_ESTABLISHED")
    caller.hang_up()
    walk(lab, "a line calls out through the edge, challenged at INVITE and BYE", behind)
    lab.check("the edge was on the way of all of it", "Record-Route" in behind.got(), behind.got()[-2000:])
    walk(lab, "the carrier calls the number that we registered",
         edge.telephone("calls-in", CALLER_TRUNK, server.far_number, dials=f"+1{number}"))
    rows = wait_until(lambda: len(rows := server.records()) >= 2 and rows, step_s=0.1)
    if not rows:
        raise Failed("two calls have no two records")
    lab.check("both are on record as answered, over the trunk", all(row["answered"] for row in rows), str(rows))
    server.say("trunk", "set", "far", "register=")
    lab.check("the switch takes leave", bool(wait_until(lambda: server.ask("trunk", "show", "far")["registered"] is None)))
    lab.check("the phone is there to the end", answers.program.runs())
    verdict()


@scenario("Kamailio as a carrier's edge over UDP")
def over_udp(lab):
    server = switch.start(lab)
    try_both_ways(lab, server, server.far_where)


@scenario("Kamailio as a carrier's edge over TLS")
def over_tls(lab):
    server = switch.Switch(lab)
    own = make_certificate(lab.folder, "switch", f"IP:{server.address}")
    edge = make_certificate(lab.folder, "edge", f"IP:{server.far_address}")
    authorities = lab.folder / "authorities.pem"
    authorities.write_text(own[0].read_text() + edge[0].read_text())
    with server.config.open("a") as config:
        config.write(f'\nlistener "tls" {{\n\taddress = "{server.address}:{TLS_PORT}"\n\ttransport = "tls"\n'
                     f'\tcertificate = "{own[0]}"\n\tkey = "{own[1]}"\n\tauthorities = "{authorities}"\n}}\n')
    server.start()
    lab.at_close(server.stop)
    try_both_ways(lab, server, f"{server.far_address}:{TLS_PORT};transport=tls", edge)
