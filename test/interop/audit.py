"""Holds the records of a switch against what each telephone saw of its calls."""

import bisect
import collections
import datetime
import json

from lab import Failed

CLOCK_MS = 1000  # two times of one thing may be so much apart: the clock of a machine is set, too


def all_records(server):
    """Oldest first; every call that has ended is among them."""
    return [json.loads(line) for line in server.say("cdr", "export", "format=jsonl").splitlines()]


def ms_of(text):
    """When a time of a record was, UTC in ms; 0: never."""
    if not text:
        return 0
    return round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


class Audit:
    """Each check gives the calls that are against it. kills_ms: when (UTC) the switch was killed, if it was."""

    def __init__(self, records, witness, kills_ms=()):
        self.records, self.callers, self.callees = records, witness.callers, witness.callees
        # Emergency calls are none of the load's: their telephones have no witness.
        self.answered = [record for record in records if record["was_answered"] and not record["emergency"]]
        self.recovered = [record for record in self.answered if record["recovered"]]
        self.kills_ms = list(kills_ms)
        self.of_caller = collections.defaultdict(list)
        for record in self.answered:
            self.of_caller[record["o_call_id"]].append(record)

    def heard(self):
        """The calls that their callers heard answered."""
        return [call_id for call_id, seen in self.callers.items() if "answered" in seen]

    def lost(self):
        return [(call_id, self.callers[call_id]) for call_id in self.heard() if not self.of_caller[call_id]]

    def doubled(self):
        calls = collections.Counter(record["call"] for record in self.records)
        return [rows for rows in self.of_caller.values() if len(rows) > 1] + [
            call for call, count in calls.items() if count > 1]

    def gaps(self):
        numbers = [record["sequence"] for record in self.records]
        return [] if numbers == list(range(1, len(numbers) + 1)) else numbers

    def unfounded(self):
        """Records of an answer that no called phone gave, or that its caller heard before it was."""
        return [record for record in self.answered if "answered" not in self.callees.get(record["t_call_id"], {})
                or ms_of(record["answered"]) > self.callers[record["o_call_id"]].get("answered", 1 << 62) + CLOCK_MS]

    def too_long(self):
        """Records of calls that ended after their callers were told so."""
        return [record for record in self.answered
                if ms_of(record["ended"]) > self.callers[record["o_call_id"]].get("released", 1 << 62) + CLOCK_MS]

    def start_of(self, record):
        """The number of the start that answered it."""
        return bisect.bisect_left(self.kills_ms, ms_of(record["answered"]))

    def wrong_ends(self):
        """What a kill cut off ends at the last proof of life: not before anything else that this start had on disk, and
        not after the kill."""
        life = collections.Counter()
        for record in self.answered:
            start = self.start_of(record)
            known = ms_of(record["answered"] if record["recovered"] else record["ended"])
            # A call may be answered by one start and be released by it alone: both are times of that start.
            life[start] = max(life[start], known)
        return [record for record in self.recovered
                if not life[self.start_of(record)] - CLOCK_MS <= ms_of(record["ended"])
                <= self.kills_ms[self.start_of(record)] + CLOCK_MS]

    def untold(self):
        """Phones of calls that have ended, and that nobody told: the called ones of all, the calling ones of those that
        a kill cut off."""
        return [record for record in self.answered if "bye" not in self.callees[record["t_call_id"]]
                or (record["recovered"] and "bye" not in self.callers[record["o_call_id"]])]

    def unsynced(self):
        """Answers that their callers heard before the record was on disk, as these say themselves."""
        return [record for record in self.answered if record["unsynced"]]

    def late_ms(self):
        """How long before a kill the calls that it cut off end in their records, the longest."""
        return max((self.kills_ms[self.start_of(record)] - ms_of(record["ended"]) for record in self.recovered),
                   default=0)

    def check(self, lab):
        """Tells of all checks, though one fails: together they say more."""
        failed = []
        for name, wrong in (
                ("each call that a caller heard answered has its record", self.lost()),
                ("none has two", self.doubled()),
                ("the numbers of the records have no gap", self.gaps()),
                ("each record is of an answer that was given, and not later than it was heard", self.unfounded()),
                ("no call lasts longer than its caller thinks", self.too_long()),
                ("what a kill cut off ends at the last proof of life", self.wrong_ends()),
                ("each phone is told that its call has ended", self.untold())):
            lab.tell(name, not wrong, "\n".join(map(str, [len(wrong), *wrong[:10]])))
            failed += [name] if wrong else []
        if failed:
            raise Failed(failed[0])
