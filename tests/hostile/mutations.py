"""Good files of every format, damaged by a seeded hand."""

import random
import struct
from collections.abc import Callable
from functools import cache

from tests.audio import encoded, wav_bytes
from tests.hostile.mpeg4 import index_first

SECONDS = 0.5
HEAD_BYTES = 400
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

GOOD: dict[str, Callable[[], bytes]] = {
    "wav": lambda: wav_bytes(SECONDS),
    "float wav": lambda: wav_bytes(SECONDS, bits=32, floating=True),
    "adpcm": lambda: encoded("wav", "adpcm_ms", SECONDS),
    "aiff": lambda: encoded("aiff", "pcm_s16be", SECONDS),
    "flac": lambda: encoded("flac", "flac", SECONDS),
    "mp3": lambda: encoded("mp3", "libmp3lame", SECONDS),
    "vorbis": lambda: encoded("ogg", "vorbis", SECONDS),
    "opus": lambda: encoded("ogg", "libopus", SECONDS, rate=48_000),
    "flac in ogg": lambda: encoded("ogg", "flac", SECONDS),
    "m4a": lambda: encoded("ipod", "aac", SECONDS),
    "m4a, index first": lambda: index_first(encoded("ipod", "aac", SECONDS)),
    "alac": lambda: encoded("ipod", "alac", SECONDS),
    "mov": lambda: encoded("mov", "pcm_s24le", SECONDS),
    "adts": lambda: encoded("adts", "aac", SECONDS),
    "matroska": lambda: encoded("matroska", "flac", SECONDS),
    "webm": lambda: encoded("webm", "libopus", SECONDS, rate=48_000),
}


@cache
def good(name: str) -> bytes:
    """The undamaged file."""
    return GOOD[name]()


def flip(dice: random.Random, data: bytearray) -> None:
    """Up to 64 bits, anywhere."""
    for _ in range(dice.randint(1, 64)):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def overwrite(dice: random.Random, data: bytearray) -> None:
    """Up to 16 bytes of the header."""
    for _ in range(dice.randint(1, 16)):
        data[dice.randrange(min(HEAD_BYTES, len(data)))] = dice.randrange(256)


def exaggerate(dice: random.Random, data: bytearray) -> None:
    """A field of the header or the trailer gets a number at the edge of its range."""
    form = dice.choice(("<H", ">H", "<I", ">I"))
    place = dice.randrange(min(HEAD_BYTES, len(data) - 8))
    if dice.random() < 0.3:
        place = max(0, len(data) - place - 8)
    number = dice.choice(EXTREMES) & (0xFFFF if form[1] == "H" else 0xFFFFFFFF)
    struct.pack_into(form, data, place, number)


def cut(dice: random.Random, data: bytearray) -> None:
    """Everything after some byte."""
    del data[dice.randrange(1, len(data)) :]


def drop(dice: random.Random, data: bytearray) -> None:
    """A part of the middle."""
    start = dice.randrange(len(data))
    del data[start : start + dice.randint(1, 4_000)]


def blank(dice: random.Random, data: bytearray) -> None:
    """A part of the middle turns to zeros."""
    start = dice.randrange(len(data))
    end = min(len(data), start + dice.randint(1, 4_000))
    data[start:end] = bytes(end - start)


def repeat(dice: random.Random, data: bytearray) -> None:
    """A part occurs again, somewhere else."""
    start, place = dice.randrange(len(data)), dice.randrange(len(data))
    data[place:place] = data[start : start + dice.randint(1, 4_000)]


def splice(dice: random.Random, data: bytearray) -> None:
    """Goes on as a file of another format."""
    other = good(dice.choice(sorted(GOOD)))
    data[dice.randrange(1, len(data)) :] = other[dice.randrange(len(other)) :]


def litter(dice: random.Random, data: bytearray) -> None:
    """Random bytes in between."""
    place = dice.randrange(len(data))
    data[place:place] = dice.randbytes(dice.randint(1, 4_000))


KINDS = (flip, overwrite, exaggerate, cut, drop, blank, repeat, splice, litter)


def mutation(seed: int) -> tuple[str, bytes]:
    """What was done to which file, and the result: one to three kinds of damage, all of them told by the seed."""
    dice = random.Random(seed)
    name = sorted(GOOD)[seed % len(GOOD)]
    data, done = bytearray(good(name)), [name]
    for kind in dice.choices(KINDS, k=dice.choice((1, 1, 2, 3))):
        if len(data) > 16:
            kind(dice, data)
            done.append(kind.__name__)
    return ", ".join(done), bytes(data)
