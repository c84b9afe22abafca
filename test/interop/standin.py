"""A SIP server that we did not write, in the place of the switch: Kamailio as registrar and proxy with digest
authentication and one trunk. What passes here and fails on ours is our fault; what fails here is the test's."""

from switch import Line, Server

CONFIG = """\
#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=2
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
listen=udp:{address}:5060
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
loadmodule "htable.so"
modparam("htable", "htable", "password=>size=4;")
modparam("usrloc", "db_mode", 0)
modparam("tm", "fr_timer", 30000)

event_route[htable:mod-init] {{
{passwords}
}}

request_route {{
	if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
	if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
	if (has_totag()) {{
		if (loose_route()) t_relay();
		else if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); }}
		else sl_send_reply("481", "Call/Transaction Does Not Exist");
		exit;
	}}
	if (is_method("ACK")) exit;
	if (is_method("OPTIONS")) {{ sl_send_reply("200", "OK"); exit; }}
	if (!is_method("REGISTER|INVITE")) {{
		append_to_reply("Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER\r\n");
		sl_send_reply("405", "Method Not Allowed");
		exit;
	}}
	if (is_method("INVITE") && $si == "{far}") {{
		record_route();
		if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
		t_relay();
		exit;
	}}
	if (!pv_www_authenticate("standin", "$sht(password=>$fU)", "0")) {{ www_challenge("standin", "1"); exit; }}
	consume_credentials();
	if (is_method("REGISTER")) {{ save("location"); exit; }}
	record_route();
	if ($sht(password=>$rU) == $null) {{ $du = "sip:{far}:5060"; t_relay(); exit; }}
	if (!lookup("location")) {{ sl_send_reply("480", "Temporarily Unavailable"); exit; }}
	t_relay();
}}
"""


class StandIn(Server):
    """Has the shape of a Switch, as far as a proxy can."""

    def __init__(self, lab):
        super().__init__(lab)
        self.lines = [Line(f"603555010{i}", f"603555010{i}", f"secret-{i}") for i in range(5)]

    def start(self):
        words = "\n".join(f'\t$sht(password=>{line.name}) = "{line.password}";' for line in self.lines)
        file = self.lab.folder / "kamailio.cfg"
        file.write_text(CONFIG.format(address=self.address, far=self.far_address, passwords=words))
        self.program = self.lab.start("kamailio", ["kamailio", "-f", file, "-DD", "-m", "32", "-M", "8", "-Y",
                                                   self.lab.folder, "-w", self.lab.folder])
        self.program.wait_said("Listening on")
        return self

    def stop(self):
        return self.program.stop()
