"""Pieces for dancing: techno, house, dub, drum and bass, chiptune."""

from soundgraph.entrypoints.cli.demo.harmony import Score
from soundgraph.entrypoints.cli.demo.synth import (
    ORGAN,
    PIANO,
    SQUARE,
    TRIANGLE,
    Tape,
    clap,
    hat,
    kick,
    mixed,
    saw,
    shaped,
    snare,
    tone,
)


def techno(score: Score) -> Tape:
    """Four to the floor; the bass rolls, a stab echoes, and things arrive one after another."""
    random = score.random
    drums, bass, stabs = _floor(score), Tape(score.seconds), Tape(score.seconds)
    sixteenth = score.beat / 4
    for number in range(score.bars):
        start, part = number * 4 * score.beat, score.part(number)
        lowest = score.chord(number)[0]
        rolling = saw(round(0.5 + 0.35 * part, 1), 14)
        for step in (one for one in range(16) if one % 4):
            note = tone(score.pitch(lowest + (7 if step in (7, 14) else 0), -1), sixteenth, rolling)
            bass.add(shaped(note, 0.003, 0.05), start + step * sixteenth, 0.55)
        for step in (3, 6, 11) if part > 0.3 else ():
            for degree in score.chord(number, 4):
                stab = tone(score.pitch(degree, 1), 0.22, saw(0.8, 14), detune=0.1)
                stabs.add(shaped(stab, 0.004, 0.16), start + step * sixteenth, 0.16, random.uniform(-0.6, 0.6))
    stabs.echoed(score.beat * 0.75, 0.55, 0.6).in_a_room(random, 1.8, 0.5)
    return mixed((drums, 1), (bass.ducked(score.beats, 0.75, 0.1), 1), (stabs.ducked(score.beats, 0.5), 1))


def _floor(score: Score) -> Tape:
    """Its drums: the kick from the start, then claps, then the closed hat."""
    random, drums = score.random, Tape(score.seconds)
    closed, opened, hands = hat(random, 70), hat(random, 14), clap(random)
    for number, at in enumerate(score.beats):
        drums.add(kick(1.2), at, 1.0)
        drums.add(opened, at + score.beat / 2, 0.22, 0.2)
        if number % 2 and score.part(number // 4) > 0.15:
            drums.add(hands, at, 0.4, 0.05)
        if score.part(number // 4) > 0.2:
            for step in range(4):
                drums.add(closed, at + step * score.beat / 4, 0.10 + 0.06 * (step % 2), -0.25)
    return drums


def house(score: Score) -> Tape:
    """Piano chords off the beat over a warm bass and an organ."""
    random = score.random
    drums, keys, low = Tape(score.seconds), Tape(score.seconds), Tape(score.seconds)
    opened, hands, shaker = hat(random, 16), clap(random), hat(random, 90)
    for number, at in enumerate(score.beats):
        drums.add(kick(0.9), at, 0.95)
        drums.add(opened, at + score.beat / 2, 0.25, 0.15)
        if number % 2:
            drums.add(hands, at, 0.45)
        for step in range(4):
            drums.add(shaker, at + step * score.beat / 4, 0.07 + 0.04 * (step == 3), -0.4)
    for number in range(score.bars):
        start, chord = number * 4 * score.beat, score.chord(number, 4)
        for eighth in (0, 3, 5, 6):
            for degree in chord:
                keys.add(
                    shaped(tone(score.pitch(degree, 1), 0.45, PIANO), 0.003, 0.12),
                    start + eighth * score.beat / 2,
                    0.33,
                    -0.15,
                )
        for eighth in (1, 3, 4, 7):
            note = shaped(tone(score.pitch(chord[0], -1), 0.28, saw(0.55, 8)), 0.004, 0.08)
            low.add(note, start + eighth * score.beat / 2, 0.6)
        for degree in chord[:3]:
            pad = shaped(tone(score.pitch(degree, 1), 4 * score.beat, ORGAN), 0.3, 0.4)
            keys.add(pad, start, 0.05 + 0.05 * score.part(number), 0.4)
    return mixed(
        (drums, 1), (keys.in_a_room(random, 1.4, 0.35).ducked(score.beats, 0.45), 1), (low.ducked(score.beats, 0.6), 1)
    )


def dub(score: Score) -> Tape:
    """A deep bass line, a drum on three, and a skank that wanders off in echoes."""
    random, drums, low, skank = score.random, Tape(score.seconds), Tape(score.seconds), Tape(score.seconds)
    rim, tick = snare(random, 20), hat(random, 80)
    for number in range(score.bars):
        start, chord = number * 4 * score.beat, score.chord(number)
        drums.add(kick(0.8, 0.5), start + 2 * score.beat, 1.1)
        drums.add(rim, start + 2 * score.beat, 0.5, 0.1)
        for eighth in range(8):
            drums.add(tick, start + score.swung(eighth, 0.2), 0.12 + 0.08 * (eighth % 2), 0.3)
        line = (0, None, 0, 4, None, 2, None, -1)
        for eighth, step in enumerate(line):
            if step is not None:
                note = shaped(tone(score.pitch(chord[0] + step, -1), score.beat * 0.7, TRIANGLE), 0.01, 0.12)
                low.add(note, start + eighth * score.beat / 2, 1.0)
        for beat in (1, 3):
            for degree in chord:
                stab = shaped(tone(score.pitch(degree, 1), 0.13, saw(0.7, 12)), 0.003, 0.06)
                skank.add(stab, start + beat * score.beat, 0.28, -0.3)
    return mixed(
        (drums.in_a_room(random, 1.2, 0.25), 1),
        (low, 0.8),
        (skank.echoed(score.beat * 0.75, 0.72, 0.8).darker(3_200), 1),
    )


def jungle(score: Score) -> Tape:
    """Fast broken drums over half-speed chords and a bass that growls."""
    random, sixteenth = score.random, score.beat / 4
    drums, low, pads = Tape(score.seconds), Tape(score.seconds), Tape(score.seconds)
    hit, ghost, ride = snare(random, 14), snare(random, 30), hat(random, 40)
    for number in range(score.bars):
        start, chord = number * 4 * score.beat, score.chord(number // 2, 4)
        kicks, snares = ((0, 10), (4, 12)) if number % 2 == 0 else ((0, 6, 10), (4, 9, 12, 15))
        for step in range(16):
            at = start + step * sixteenth
            if step in kicks:
                drums.add(kick(1.1, 0.25), at, 0.95)
            if step in snares:
                drums.add(hit, at, 0.8, 0.05)
            elif random.random() < 0.18:
                drums.add(ghost, at, 0.22, random.uniform(-0.3, 0.3))
            if step % 2 == 0:
                drums.add(ride, at, 0.18, 0.3)
        for step, length in ((0, 6), (6, 4), (10, 6)):
            note = tone(score.pitch(chord[0], -1), length * sixteenth, saw(0.72, 12), detune=0.16)
            low.add(shaped(note, 0.01, 0.06), start + step * sixteenth, 0.34)
        if number % 2 == 0:
            for place, degree in enumerate(chord):
                pad = shaped(tone(score.pitch(degree, 1), 8 * score.beat, saw(0.6, 9), detune=0.08), 0.6, 0.8)
                pads.add(pad, start, 0.16, (place - 1.5) / 2)
    return mixed((drums, 1), (low, 1), (pads.in_a_room(random, 3, 0.8), 1))


def chiptune(score: Score) -> Tape:
    """Pulse waves that pretend to be chords, and noise that pretends to be drums."""
    random, sixteenth, tape = score.random, score.beat / 4, Tape(score.seconds)
    tick, boom = hat(random, 110), kick(1.4, 0.12)
    melody = score.walk(score.bars * 8, 7, reach=5)
    for number in range(score.bars):
        start, chord = number * 4 * score.beat, score.chord(number)
        for step in range(16):
            at = start + step * sixteenth
            spark = tone(score.pitch(chord[step % 3], 1 + (step // 3) % 2), sixteenth * 0.9, SQUARE)
            tape.add(shaped(spark, 0.001, 0.02), at, 0.16, -0.5)
            tape.add(tick, at, 0.16 if step % 4 == 2 else 0.05, 0.4)
            if step % 4 == 0:
                tape.add(boom if step % 8 == 0 else snare(random, 30), at, 0.55)
        for eighth in range(8):
            note = tone(score.pitch(chord[0] + (4 if eighth == 6 else 0), -1), score.beat * 0.42, TRIANGLE)
            tape.add(shaped(note, 0.002, 0.03), start + eighth * score.beat / 2, 0.75)
            if number and random.random() < 0.8:
                lead = tone(score.pitch(melody[8 * number + eighth], 1), score.beat * 0.46, SQUARE, vibrato=0.25)
                tape.add(shaped(lead, 0.002, 0.05), start + eighth * score.beat / 2, 0.3, 0.3)
    return tape.echoed(score.beat * 0.75, 0.35, 0.22)
