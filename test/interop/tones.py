"""Tones in recordings: made as sources for phones, and found in what phones recorded (by Goertzel's filter)."""

import array
import math
import pathlib
import wave

FRAME_S = 0.02
RMS_0_DBM0 = 32636 / math.sqrt(2) / 10 ** (3.17 / 20)
SILENCE = 60.0  # root mean square of 16-bit samples: some -48 dBm0


def write_tone(path, hz, seconds=30, rate=8000, amplitude=8000):
    """A WAV file of one or several frequencies; hz may be a number, a list, or empty for silence."""
    parts = [hz] if isinstance(hz, (int, float)) else list(hz)
    period = array.array("h", (
        int(sum(amplitude / max(1, len(parts)) * math.sin(2 * math.pi * part * i / rate) for part in parts))
        for i in range(rate)))
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        for _ in range(seconds):
            out.writeframes(period.tobytes())


def mu_law_value(octet):
    """G.711: a sign, three bits of segment, four of step, all inverted."""
    octet ^= 0xff
    value = ((((octet & 0x0f) << 3) + 132) << ((octet >> 4) & 7)) - 132
    return -value if octet & 0x80 else value


MU_LAW = [mu_law_value(octet) for octet in range(256)]


class Recording:
    """Sound that was recorded: 16-bit samples, one channel. Reads a file that is still being written, too."""

    def __init__(self, samples, rate):
        self.samples, self.rate = samples, rate

    @classmethod
    def read(cls, path):
        data = pathlib.Path(path).read_bytes()
        rate, body = int.from_bytes(data[24:28], "little"), data[44:]
        samples = array.array("h")
        samples.frombytes(body[:len(body) // 2 * 2])
        return cls(samples, rate or 8000)

    @classmethod
    def of_mu_law(cls, octets):
        return cls(array.array("h", (MU_LAW[octet] for octet in octets)), 8000)

    @property
    def seconds(self):
        return len(self.samples) / self.rate

    def last(self, seconds):
        return Recording(self.samples[-int(seconds * self.rate):], self.rate)

    def part(self, from_s, to_s):
        return Recording(self.samples[int(from_s * self.rate):int(to_s * self.rate)], self.rate)

    def rms(self):
        return math.sqrt(sum(s * s for s in self.samples) / len(self.samples)) if self.samples else 0.0

    def power(self, hz):
        """Mean square of the part of the sound at one frequency."""
        n = len(self.samples)
        turn = 2 * math.cos(2 * math.pi * hz / self.rate)
        one = two = 0.0
        for sample in self.samples:
            one, two = sample + turn * one - two, one
        return 2 * (one * one + two * two - turn * one * two) / (n * n)

    def share(self, *hz):
        """How much of the sound's energy these frequencies are, 0 to 1; of silence, 0."""
        whole = self.rms() ** 2
        return sum(map(self.power, hz)) / whole if whole > SILENCE ** 2 else 0.0

    def is_tone(self, *hz):
        """Is it these frequencies, each with its part, and next to nothing else?"""
        whole = self.rms() ** 2
        if whole <= SILENCE ** 2 or self.seconds < 0.1:
            return False
        parts = [self.power(each) / whole for each in hz]
        return sum(parts) > 0.9 and min(parts) > 0.6 / len(parts)

    def is_silent(self):
        return self.rms() <= SILENCE

    def cadence(self):
        """Its on and off times: a list of (on?, seconds)."""
        step = int(self.rate * FRAME_S)
        frames = [not Recording(self.samples[i:i + step], self.rate).is_silent()
                  for i in range(0, len(self.samples) - step + 1, step)]
        runs = []
        for on in frames:
            if runs and runs[-1][0] == on:
                runs[-1][1] += FRAME_S
            else:
                runs.append([on, FRAME_S])
        return [(on, round(length, 2)) for on, length in runs]

    def seconds_of(self, *hz, frame_s=0.1):
        """For how long it is that tone, in frames of a tenth of a second."""
        step = int(self.rate * frame_s)
        parts = (Recording(self.samples[i:i + step], self.rate) for i in range(0, len(self.samples) - step + 1, step))
        return sum(frame_s for part in parts if part.share(*hz) > 0.8)

    def dbm0(self):
        """Its level; the loudest sine that mu-law knows is +3.17 dBm0 (G.711)."""
        rms = self.rms()
        return 20 * math.log10(rms / RMS_0_DBM0) if rms > 0 else -100.0


DIAL, RING_BACK, BUSY = (350, 440), (440, 480), (480, 620)  # the precise tone plan; reorder is busy, twice as fast
