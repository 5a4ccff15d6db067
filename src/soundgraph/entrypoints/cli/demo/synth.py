"""Sounds, as arrays of samples at 44.1 kHz. Everything is a function of its arguments; noise takes a generator."""

from collections.abc import Sequence
from functools import lru_cache, reduce

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Partials = tuple[tuple[float, float, float], ...]

RATE = 44_100
# How finely a wave is computed that repeats.
TABLE = 1 << 14

# (ratio to the fundamental, level, decay per second) of every partial.
BELL: Partials = ((1, 1, 1.2), (2.76, 0.55, 2.2), (5.4, 0.3, 4), (8.93, 0.16, 7))
PIANO: Partials = tuple((k * (1 + 0.0004 * k * k), 0.9 ** (k * k / 6) / k**0.9, 1.1 + 0.7 * k) for k in range(1, 10))
PLUCK: Partials = tuple((k, 1 / k**1.1 * abs(np.sin(k * 0.9)), 1.2 + 0.9 * k) for k in range(1, 14))
VIBES: Partials = ((1, 1, 1.6), (4, 0.35, 5), (10, 0.08, 14))
ORGAN: Partials = ((0.5, 0.5, 0), (1, 1, 0), (2, 0.6, 0), (3, 0.25, 0), (4, 0.3, 0))
SQUARE: Partials = tuple((k, 1 / k, 0) for k in range(1, 16, 2))
TRIANGLE: Partials = tuple((k, (-1) ** (k // 2) / k**2, 0) for k in range(1, 12, 2))


def saw(brightness: float, partials: int = 18) -> Partials:
    """A sawtooth; `brightness` 1 is a full one, less is darker."""
    return tuple((k, brightness ** (k - 1) / k, 0) for k in range(1, partials + 1))


def hertz(midi: float) -> float:
    """The frequency of a MIDI note number; 69 is 440 Hz."""
    return float(440 * 2 ** ((midi - 69) / 12))


def times(seconds: float) -> NDArray[np.float64]:
    """The moment of every sample."""
    return np.arange(round(seconds * RATE)) / RATE


@lru_cache(maxsize=64)
def tone(midi: float, seconds: float, partials: Partials, *, detune: float = 0.0, vibrato: float = 0.0) -> Samples:
    """A note. `detune` adds voices that many semitones above and below; `vibrato` is its depth in semitones."""
    at = times(seconds)
    wobble = vibrato * 0.0577 * np.sin(2 * np.pi * 5.3 * at) * np.minimum(1, at / 0.6) / (2 * np.pi * 5.3)
    heard = tuple(one for one in partials if hertz(midi) * one[0] < RATE * 0.45)
    voices = (0.0, detune, -detune) if detune else (0.0,)
    sound = np.zeros(len(at), np.float32)
    for voice in voices:
        cycles = hertz(midi + voice) * (at + wobble) + voice * 7
        sound += _steady(cycles, heard) if all(decay == 0 for _, _, decay in heard) else _fading(cycles, at, heard)
    sound.flags.writeable = False
    return sound


def _steady(cycles: NDArray[np.float64], partials: Partials) -> Samples:
    """A wave that does not change: two cycles of it are computed, and read again and again."""
    turns = np.arange(TABLE) * (2 / TABLE)
    table = np.zeros(TABLE, np.float32)
    for ratio, level, _ in partials:
        table += (level * np.sin(2 * np.pi * ratio * turns)).astype(np.float32)
    return table[(cycles * (TABLE / 2)).astype(np.int64) % TABLE]


def _fading(cycles: NDArray[np.float64], at: NDArray[np.float64], partials: Partials) -> Samples:
    """A wave whose partials fade each in its own time; one that has fallen by 60 dB is not computed any further."""
    sound, brief = np.zeros(len(cycles), np.float32), at.astype(np.float32)
    for ratio, level, decay in partials:
        end = len(cycles) if decay == 0 else min(len(cycles), round(7 / decay * RATE))
        turns = cycles[:end] * ratio
        wave = np.sin((2 * np.pi) * (turns - np.floor(turns)).astype(np.float32))
        sound[:end] += np.float32(level) * wave * np.exp(np.float32(-decay) * brief[:end])
    return sound


def electric_piano(midi: float, seconds: float, hardness: float = 1.0) -> Samples:
    """Two-operator frequency modulation, with a tine that fades faster than the tone."""
    at = times(seconds)
    phase = 2 * np.pi * hertz(midi) * at
    tine = 0.25 * hardness * np.exp(-9 * at) * np.sin(14 * phase)
    body = np.sin(phase + 1.4 * hardness * np.exp(-2.5 * at) * np.sin(phase) + tine)
    sound: Samples = (body * np.exp(-1.6 * at)).astype(np.float32)
    return sound


def shaped(sound: Samples, attack: float, release: float) -> Samples:
    """With a rise and a fall, in seconds."""
    rise, fall = (min(len(sound), max(1, round(one * RATE))) for one in (attack, release))
    out = sound.copy()
    out[:rise] *= np.sin(np.linspace(0, np.pi / 2, rise, dtype=np.float32)) ** 2
    out[-fall:] *= np.cos(np.linspace(0, np.pi / 2, fall, dtype=np.float32)) ** 2
    return out


def kick(punch: float = 1.0, seconds: float = 0.42) -> Samples:
    """A sine that falls from high to low."""
    at = times(seconds)
    phase = 2 * np.pi * (48 * at + punch * 9 * (1 - np.exp(-24 * at)))
    click = np.exp(-350 * at) * 0.5
    return (np.sin(phase) * np.exp(-7 * at) + click).astype(np.float32)


def snare(random: np.random.Generator, tail: float = 16.0) -> Samples:
    """Noise over a short drum."""
    at = times(0.28)
    noise = band(random.standard_normal(len(at)).astype(np.float32), 900, 9_000)
    skin = np.sin(2 * np.pi * 185 * at) * np.exp(-28 * at)
    return (0.55 * noise * np.exp(-tail * at) + 0.6 * skin).astype(np.float32)


def clap(random: np.random.Generator) -> Samples:
    """Several hands, almost together."""
    at = times(0.3)
    hands = sum((at >= late) * np.exp(-120 * np.maximum(0, at - late)) for late in (0, 0.011, 0.023))
    noise = band(random.standard_normal(len(at)).astype(np.float32), 700, 4_500)
    sound: Samples = (noise * (hands + (at >= 0.03) * np.exp(-20 * at))).astype(np.float32)
    return sound


def hat(random: np.random.Generator, decay: float = 60.0) -> Samples:
    """High noise; a small `decay` leaves it open."""
    at = times(min(0.5, 6 / decay))
    return (band(random.standard_normal(len(at)).astype(np.float32), 6_500, 17_000) * np.exp(-decay * at)).astype(
        np.float32
    )


def band(sound: Samples, low: float, high: float) -> Samples:
    """Only what lies between two frequencies, with soft edges."""
    spectrum = np.fft.rfft(sound)
    at = np.fft.rfftfreq(len(sound), 1 / RATE)
    keep = 1 / (1 + (low / np.maximum(at, 1)) ** 4) / (1 + (at / high) ** 4)
    filtered: Samples = np.fft.irfft(spectrum * keep, len(sound)).astype(np.float32)
    return filtered


class Tape:
    """A stereo recording of some length that sounds are laid upon."""

    def __init__(self, seconds: float) -> None:
        self.samples: Samples = np.zeros((2, round(seconds * RATE)), np.float32)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(self.samples.shape[1] / RATE)

    def add(self, sound: Samples, at: float, level: float = 1.0, pan: float = 0.0) -> None:
        """Lay a sound at a moment; `pan` is -1 for left to 1 for right. What is past the end is cut."""
        first = round(at * RATE)
        end = min(first + len(sound), self.samples.shape[1])
        if first < 0 or end <= first:
            return
        angle = (pan + 1) * np.pi / 4
        for channel, gain in enumerate((np.cos(angle), np.sin(angle))):
            self.samples[channel, first:end] += np.float32(level * gain) * sound[: end - first]

    def echoed(self, seconds: float, feedback: float, level: float) -> "Tape":
        """With echoes that go from side to side."""
        step, count = round(seconds * RATE), 6
        dry = self.samples
        for number in range(1, count):
            late = np.zeros_like(dry)
            late[:, number * step :] = dry[:, : max(0, dry.shape[1] - number * step)][:: -1 if number % 2 else 1]
            self.samples = self.samples + np.float32(level * feedback ** (number - 1)) * late
        return self

    def in_a_room(self, random: np.random.Generator, seconds: float, wet: float, tone_hertz: float = 5_000) -> "Tape":
        """With the reverberation of a room that falls silent in so many seconds."""
        at = times(seconds)
        fade = np.exp(-6.9 * at / seconds) * np.minimum(1, at / 0.012)
        out = []
        for channel in self.samples:
            room = band((random.standard_normal(len(at)) * fade).astype(np.float32), 120, tone_hertz)
            size = 1 << (len(channel) + len(room) - 1).bit_length()
            tail = np.fft.irfft(np.fft.rfft(channel, size) * np.fft.rfft(room, size), size)[: len(channel)]
            out.append(channel + wet * tail.astype(np.float32) / float(np.sqrt(np.sum(room**2)) + 1e-9))
        self.samples = np.stack(out)
        return self

    def ducked(self, beats: Sequence[float], depth: float, recovery: float = 0.22) -> "Tape":
        """Quieter at every beat, as if a kick pushed it aside."""
        at = times(self.seconds)[: self.samples.shape[1]]
        last = np.asarray(beats)[np.maximum(0, np.searchsorted(beats, at, side="right") - 1)]
        self.samples = self.samples * (1 - depth * np.exp(-(at - last) / recovery)).astype(np.float32)
        return self

    def darker(self, hertz_high: float) -> "Tape":
        """Without what lies above."""
        self.samples = np.stack([band(channel, 20, hertz_high) for channel in self.samples])
        return self


def mixed(*tapes: tuple[Tape, float]) -> Tape:
    """Tapes of one length, each at a level."""
    out = Tape(0)
    out.samples = reduce(np.add, [np.float32(level) * tape.samples for tape, level in tapes])
    return out


def mastered(tape: Tape, *, drive: float = 1.2, fade_in: float = 0.01, fade_out: float = 1.5) -> bytes:
    """16-bit stereo PCM, gently saturated, a decibel below full scale."""
    samples = tape.samples / max(1e-6, float(np.percentile(np.abs(tape.samples), 99.8)))
    samples = np.tanh(np.float32(drive * 0.8) * samples)
    samples = np.stack([shaped(channel, fade_in, fade_out) for channel in samples])
    samples *= 0.89 / max(1e-6, float(np.abs(samples).max()))
    return (samples.T * 32_767).astype("<i2").tobytes()
