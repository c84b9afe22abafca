"""The switch under test, as the scenarios see it: its lines, its address, its command line."""

from dataclasses import dataclass

from baresip import Phone
from judge import Capture


@dataclass
class Line:
    name: str      # as its phone registers
    number: str    # ten digits
    password: str


class Server:
    """What a switch and its stand-in have in common: lines at an address, and a far switch of another carrier."""

    def __init__(self, lab):
        self.lab, self.address, self.far_address = lab, lab.address(1), lab.address(20)
        self.where, self.far_where = f"{self.address}:5060", f"{self.far_address}:5060"
        self.far_number = "12125550142"
        self.lines = []

    def phone(self, index, name, **how):
        """A phone of the line with this index, registered."""
        line = self.lines[index]
        return Phone(self.lab, name, line.name, self.where, line.password, **how)

    def judged(self):
        """Starts the judge: call it, when all is over, for the faults of our packets."""
        capture = Capture(self.lab)

        def verdict():
            capture.stop()
            faults = capture.faults(self.address)
            self.lab.check("the judge finds no fault in our packets", not faults, "\n".join(faults))
            return capture
        return verdict


def start(lab):
    """The server that this run is about, started."""
    from standin import StandIn
    return StandIn(lab).start()
