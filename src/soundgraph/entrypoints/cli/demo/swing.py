"""Pieces that lean back: lo-fi and jazz."""

from soundgraph.entrypoints.cli.demo.harmony import Score
from soundgraph.entrypoints.cli.demo.synth import (
    PLUCK,
    TRIANGLE,
    VIBES,
    Tape,
    band,
    electric_piano,
    hat,
    kick,
    mixed,
    shaped,
    snare,
    tone,
)


def lofi(score: Score) -> Tape:
    """An electric piano that has seen better days, a lazy beat, and dust in the groove."""
    random = score.random
    keys, drums, low, dust = (Tape(score.seconds) for _ in range(4))
    tick, soft = hat(random, 75), band(snare(random, 18), 150, 3_500)
    for number in range(score.bars):
        start, chord = number * 4 * score.beat, score.chord(number, 4)
        for eighth in (0, 3, 6) if number % 2 else (0, 5):
            for place, degree in enumerate(chord):
                at = start + score.swung(eighth, 0.3) + place * 0.012
                key = electric_piano(score.pitch(degree) + random.normal(0, 0.05), 1.9, 0.8)
                keys.add(shaped(key, 0.004, 0.4), at, 0.3 if eighth else 0.42, (place - 1.5) / 3)
        for eighth, drum, level in ((0, kick(0.6), 0.9), (3, kick(0.6), 0.55), (2, soft, 0.6), (6, soft, 0.6)):
            drums.add(drum, start + score.swung(eighth, 0.3) + 0.012, level)
        for eighth in range(8):
            drums.add(tick, start + score.swung(eighth, 0.3), random.uniform(0.05, 0.14), 0.3)
        for eighth, degree in ((0, chord[0]), (3, chord[0]), (5, chord[2]), (7, chord[0] + 1)):
            note = tone(score.pitch(degree, -1), score.beat * 0.8, TRIANGLE)
            low.add(shaped(note, 0.012, 0.15), start + score.swung(eighth, 0.3), 0.6)
        if number % 2:
            for place, degree in enumerate(score.walk(4, chord[2] + 7, reach=3)):
                keys.add(electric_piano(score.pitch(degree), 1.2, 0.5), start + score.swung(4 + place, 0.3), 0.2, 0.4)
    for _ in range(int(score.seconds * 9)):
        crack = (random.standard_normal(random.integers(8, 60)) * 0.5).astype("float32")
        dust.add(crack, random.uniform(0, score.seconds), random.uniform(0.02, 0.1), random.uniform(-1, 1))
    return mixed((keys.in_a_room(random, 1.3, 0.3), 1), (drums, 0.9), (low, 0.9), (dust, 0.8)).darker(6_500)


def jazz(score: Score) -> Tape:
    """Walking bass, ride cymbal, comping, and a vibraphone with something to say."""
    random, swing = score.random, 0.33
    rhythm, keys, solo = Tape(score.seconds), Tape(score.seconds), Tape(score.seconds)
    ride, foot, brush = hat(random, 13), hat(random, 80), snare(random, 26)
    line = score.walk(score.bars * 8, 9, reach=6)
    for number in range(score.bars):
        start, chord = number * 4 * score.beat, score.chord(number, 4)
        for eighth in (0, 2, 3, 4, 6, 7):
            rhythm.add(ride, start + score.swung(eighth, swing), 0.15 if eighth in (3, 7) else 0.22, 0.35)
        for beat in (1, 3):
            rhythm.add(foot, start + beat * score.beat, 0.2, 0.2)
        if random.random() < 0.6:
            rhythm.add(brush, start + score.swung(int(random.integers(1, 8)), swing), 0.16, -0.1)
        following = score.chord(number + 1)[0]
        for beat, degree in enumerate((chord[0], chord[1], chord[2], following + 1)):
            note = shaped(tone(score.pitch(degree, -2), score.beat * 1.05, PLUCK), 0.006, 0.12)
            rhythm.add(note, start + beat * score.beat + abs(random.normal(0, 0.006)), 1.3, -0.1)
        for eighth in random.choice((1, 3, 4, 5, 7), 2, replace=False):
            for degree in [*chord[1:], chord[0] + 8]:
                key = shaped(electric_piano(score.pitch(degree), 0.5, 1.0), 0.004, 0.15)
                keys.add(key, start + score.swung(int(eighth), swing), 0.2, -0.4)
        for eighth in range(8):
            if number and random.random() < (0.75 if number % 4 != 3 else 0.3):
                note = tone(score.pitch(line[8 * number + eighth]), 1.1, VIBES)
                solo.add(note, start + score.swung(eighth, swing), random.uniform(0.3, 0.5), 0.25)
    return mixed((rhythm, 1), (keys, 1), (solo, 1)).in_a_room(random, 1.2, 0.22, 6_500)
