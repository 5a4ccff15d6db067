"""Pieces without a drum machine: ambient, strings, piano, guitar."""

from soundgraph.entrypoints.cli.demo.harmony import Score
from soundgraph.entrypoints.cli.demo.synth import BELL, PIANO, PLUCK, Tape, band, mixed, saw, shaped, tone


def ambient(score: Score) -> Tape:
    """Slow chords that overlap, bells, and air."""
    random, bar = score.random, 4 * score.beat
    pads, bells, air = Tape(score.seconds), Tape(score.seconds), Tape(score.seconds)
    for number in range(score.bars):
        for place, degree in enumerate(score.chord(number, 4)):
            voice = tone(score.pitch(degree), bar * 1.6, saw(0.62, 10), detune=0.07)
            pads.add(shaped(voice, bar * 0.6, bar * 0.8), number * bar, 0.5, (place - 1.5) / 2)
        pads.add(
            shaped(tone(score.pitch(score.chord(number)[0], -1), bar * 1.3, ((1, 1, 0),)), 1, 2), number * bar, 0.9
        )
        for degree in random.choice(score.chord(number, 5), 3, replace=False):
            at = (number + random.random()) * bar
            bells.add(tone(score.pitch(int(degree), 2), 3.5, BELL), at, 0.12, random.uniform(-0.9, 0.9))
    for pan in (-0.8, 0.8):
        wind = random.standard_normal(len(air.samples[0])).astype("float32")
        air.add(band(wind, 300, 1_400), 0, 0.06, pan)
    return mixed((pads, 1), (bells.echoed(score.beat * 0.75, 0.6, 0.5), 1), (air, 1)).in_a_room(random, 4.5, 0.9, 4_000)


def strings(score: Score) -> Tape:
    """Four desks that swell and breathe together, and a line above them."""
    random, bar, tape = score.random, 4 * score.beat, Tape(score.seconds)
    lead = score.walk(score.bars * 2, 9, reach=4)
    for number in range(score.bars):
        swell = 0.55 + 0.65 * (1 - abs(2 * score.part(number) - 1))
        chord = score.chord(number)
        for place, degree in enumerate((chord[0] - 7, chord[0], chord[1], chord[2])):
            desk = tone(score.pitch(degree), bar * 1.12, saw(0.84, 16), detune=0.05, vibrato=0.18)
            tape.add(shaped(desk, 0.5, 0.7), number * bar, 0.5 * swell, (0.7, 0.25, -0.25, -0.7)[place])
        for half in range(2):
            line = tone(score.pitch(lead[2 * number + half]), bar * 0.58, saw(0.88, 16), detune=0.04, vibrato=0.3)
            tape.add(shaped(line, 0.18, 0.35), (number + half / 2) * bar, 0.55 * swell, -0.45)
    return tape.in_a_room(random, 2.8, 0.7, 6_000)


def piano(score: Score) -> Tape:
    """Broken chords that grow and fade, with a slow voice in the left hand."""
    random, tape = score.random, Tape(score.seconds)
    figure = (0, 2, 4, 2, 1, 2, 4, 2)
    for number in range(score.bars):
        chord, start = score.chord(number, 5), number * 4 * score.beat
        loud = 0.5 + 0.5 * (1 - abs(2 * score.part(number) - 1))
        for step, place in enumerate(figure):
            touch = loud * random.uniform(0.8, 1.05) * (1.15 if step == 0 else 0.85)
            at = start + step * score.beat / 2 + random.normal(0, 0.006)
            tape.add(shaped(tone(score.pitch(chord[place], 1), 1.8, PIANO), 0.003, 0.4), max(0, at), 0.5 * touch, 0.3)
        for octave in (-1, 0):
            tape.add(shaped(tone(score.pitch(chord[0], octave), 3.2, PIANO), 0.004, 0.8), start, 0.7 * loud, -0.35)
        if number % 2:
            tape.add(tone(score.pitch(chord[4], 2), 2.5, PIANO), start + 2.5 * score.beat, 0.4 * loud, 0.5)
    return tape.in_a_room(random, 2.0, 0.35, 5_500)


def guitar(score: Score) -> Tape:
    """Fingerpicking: thumb on the beat, fingers between."""
    random, tape = score.random, Tape(score.seconds)
    pattern = ((0, 0, -1), (1, 2, 0), (2, 1, 0), (3, 4, 0), (4, 0, 0), (5, 2, 0), (6, 1, 0), (7, 3, 0))
    for number in range(score.bars):
        chord, start = score.chord(number, 5), number * 4 * score.beat
        for eighth, place, octave in pattern:
            if eighth and random.random() < 0.1:
                continue
            string = shaped(tone(score.pitch(chord[place], octave), 1.6, PLUCK), 0.002, 0.3)
            at = start + score.swung(eighth, 0.12) + abs(random.normal(0, 0.005))
            tape.add(
                string, at, random.uniform(0.6, 0.95) * (1.2 if eighth in (0, 4) else 1), random.uniform(-0.35, 0.35)
            )
        if number % 4 == 3:
            for place in range(5):
                tape.add(
                    tone(score.pitch(chord[place]), 1.8, PLUCK), start + 3.5 * score.beat + place * 0.035, 0.5, 0.1
                )
    return tape.in_a_room(random, 1.1, 0.25, 6_000)
