"""Writes a short tune as a WAV file, with the standard library alone: `python3 examples/tune.py tune.wav`."""

import array
import math
import sys
import wave

RATE = 44_100
BEAT = 0.3
CHORDS = ((220.0, 261.63, 329.63), (174.61, 220.0, 261.63), (261.63, 329.63, 392.0), (196.0, 246.94, 293.66))


def pluck(frequency: float, seconds: float) -> list[float]:
    """A decaying tone with a few harmonics."""
    count = int(RATE * seconds)
    return [
        math.exp(-4 * i / count)
        * sum(math.sin(2 * math.pi * frequency * k * i / RATE) / k**2 for k in (1, 2, 3))
        * min(1.0, i / 200)
        for i in range(count)
    ]


def tune() -> "array.array[int]":
    """Two rounds of arpeggios over four chords, in stereo: the bass to the left, the melody to the right."""
    samples = array.array("h")
    for chord in CHORDS * 2:
        bass = pluck(chord[0] / 2, BEAT * 4)
        melody = [one for step in (0, 1, 2, 1) for one in pluck(chord[step] * 2, BEAT)]
        for low, high in zip(bass, melody, strict=False):
            samples.extend((int(9_000 * (low + 0.4 * high)), int(9_000 * (0.4 * low + high))))
    return samples


def main(path: str) -> None:
    """Write the tune to `path`."""
    with wave.open(path, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(tune().tobytes())


if __name__ == "__main__":
    main(sys.argv[1])
