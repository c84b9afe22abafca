"""A SIP server that tells who is known: 401 for the line "known", 404 for all others. A test of the attacker's tools.

    leaky.py ADDRESS
"""

import re
import socket
import sys

KEPT = ("via:", "from:", "to:", "call-id:", "cseq:")


def main():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((sys.argv[1], 5060))
        print("listening", flush=True)
        while True:
            request, peer = server.recvfrom(65536)
            lines = request.decode(errors="replace").split("\r\n")
            to = next((line for line in lines if line.lower().startswith("to:")), "")
            known = re.search(r"sip:known@", to)
            status = "401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\"" if known else "404 Not Found"
            kept = [line + (";tag=t" if line == to else "") for line in lines if line.lower().startswith(KEPT)]
            server.sendto("\r\n".join([f"SIP/2.0 {status}", *kept, "Content-Length: 0", "", ""]).encode(), peer)


if __name__ == "__main__":
    main()
