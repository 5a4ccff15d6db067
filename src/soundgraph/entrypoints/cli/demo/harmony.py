"""Scales, chords and where the beats fall."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

MODES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}


@dataclass(frozen=True)
class Score:
    """What a piece is made from: its length, tempo, key, progression (degrees, counted from 0) and its seed."""

    seconds: float
    bpm: float
    root: int
    mode: str
    progression: tuple[int, ...]
    seed: int

    @cached_property
    def random(self) -> np.random.Generator:
        """Chance that falls the same way every time."""
        return np.random.default_rng(self.seed)

    @property
    def beat(self) -> float:
        """The length of a beat in seconds."""
        return 60 / self.bpm

    @property
    def bars(self) -> int:
        """How many bars of four beats begin before the end."""
        return int(np.ceil(self.seconds / (4 * self.beat)))

    @property
    def beats(self) -> list[float]:
        """When every beat falls."""
        return [number * self.beat for number in range(int(self.seconds / self.beat) + 1)]

    def pitch(self, degree: int, octave: int = 0) -> int:
        """The MIDI note of a degree of the scale, above the root."""
        steps = MODES[self.mode]
        return self.root + 12 * (octave + degree // len(steps)) + steps[degree % len(steps)]

    def chord(self, bar: int, size: int = 3) -> list[int]:
        """The degrees of the chord of a bar, in thirds."""
        lowest = self.progression[bar % len(self.progression)]
        return [lowest + 2 * step for step in range(size)]

    def part(self, bar: int) -> float:
        """How far into the piece a bar is, from 0 to 1."""
        return bar / max(1, self.bars - 1)

    def swung(self, eighth: int, swing: float) -> float:
        """When an eighth falls; `swing` is how late every other one is, as part of an eighth."""
        return (eighth / 2 + (swing / 2 if eighth % 2 else 0)) * self.beat

    def walk(self, steps: int, start: int, *, reach: int = 6) -> list[int]:
        """A melody: degrees that mostly move by steps and come back when they have gone too far."""
        at, out = start, []
        for _ in range(steps):
            out.append(at)
            at += int(self.random.choice([-2, -1, -1, 1, 1, 2, 3]))
            if abs(at - start) > reach:
                at = start + (at - start) // 2
        return out
