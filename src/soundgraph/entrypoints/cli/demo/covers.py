"""Covers, drawn by a few rules and a seed."""

import io
import math
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIDE = 1000
Colour = tuple[int, int, int]
# Paper, then the inks.
PALETTES: tuple[tuple[str, ...], ...] = (
    ("#f4ecdf", "#d2401e", "#16425b", "#e9b44c"),
    ("#10203a", "#f7b267", "#f25c54", "#4f8fc0"),
    ("#e7f0ea", "#2d6a4f", "#f4a261", "#1b263b"),
    ("#2b1d2f", "#e0aaff", "#ff8fa3", "#7b2cbf"),
    ("#fdf1dc", "#264653", "#2a9d8f", "#e76f51"),
    ("#161a1d", "#f5f3f4", "#ba181b", "#b1a7a6"),
    ("#dfe7fd", "#3a0ca3", "#f72585", "#4cc9f0"),
    ("#1f271b", "#d6e681", "#96bbbb", "#f2a65a"),
)


class Canvas:
    """A square to draw on, with its inks and a chance of its own."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.paper, *self.inks = (_rgb(one) for one in PALETTES[seed * 5 % len(PALETTES)])
        self.image = Image.new("RGB", (SIDE, SIDE), self.paper)
        self.draw = ImageDraw.Draw(self.image, "RGBA")


def cover(seed: int, genre: str) -> bytes:
    """A picture as PNG: one motif for a genre, its colours and proportions by the seed."""
    canvas = Canvas(seed)
    motifs = {
        "Ambient": _sun,
        "Chiptune": _pixels,
        "Drum & bass": _shards,
        "Dub": _rings,
        "Folk": _hills,
        "House": _discs,
        "Jazz": _discs,
        "Lo-fi": _sun,
        "Piano": _keys,
        "Strings": _waves,
        "Techno": _grid,
    }
    motifs[genre](canvas)
    file = io.BytesIO()
    canvas.image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def _rgb(text: str) -> Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _between(one: Colour, other: Colour, part: float) -> Colour:
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _sun(canvas: Canvas) -> None:
    draw, random, inks = canvas.draw, canvas.random, canvas.inks
    for line in range(SIDE):
        draw.line((0, line, SIDE, line), _between(canvas.paper, inks[2], (line / SIDE) ** 1.6))
    middle, radius = random.uniform(0.3, 0.7) * SIDE, random.uniform(0.16, 0.26) * SIDE
    mask = Image.new("L", canvas.image.size, 0)
    ImageDraw.Draw(mask).ellipse((middle - radius, 380 - radius, middle + radius, 380 + radius), fill=235)
    canvas.image.paste(inks[0], mask=mask.filter(ImageFilter.GaussianBlur(random.uniform(1, 40))))
    for number in range(9):
        height = 560 + number * number * 5.5
        draw.line((0, height, SIDE, height), _between(inks[0], inks[1], number / 9), 3 + number)


def _waves(canvas: Canvas) -> None:
    bend, speed = canvas.random.uniform(40, 110), canvas.random.uniform(1.2, 2.6)
    for number in range(46):
        shift = number / 45
        points = [
            (x, 90 + number * 18 + bend * math.sin(speed * math.tau * x / SIDE + 4 * shift) * math.sin(math.pi * shift))
            for x in range(0, SIDE + 20, 20)
        ]
        canvas.draw.line(points, _between(canvas.inks[0], canvas.inks[1], shift), 5, joint="curve")


def _keys(canvas: Canvas) -> None:
    for number in range(12):
        height = canvas.random.uniform(0.25, 0.8) * SIDE
        ink = canvas.inks[int(canvas.random.choice(3, p=(0.6, 0.25, 0.15)))]
        canvas.draw.rectangle((110 + number * 66, 890 - height, 110 + number * 66 + 44, 890), ink)


def _hills(canvas: Canvas) -> None:
    x, y = canvas.random.uniform(250, 750), canvas.random.uniform(180, 320)
    canvas.draw.ellipse((x - 110, y - 110, x + 110, y + 110), canvas.inks[1])
    for number in range(5):
        phase, base = canvas.random.uniform(0, math.tau), 440 + number * 120
        ridge = [(at, base + 70 * math.sin(phase + at / (140 + 40 * number))) for at in range(0, SIDE + 10, 10)]
        canvas.draw.polygon([(0, SIDE), *ridge, (SIDE, SIDE)], _between(canvas.inks[2], canvas.inks[0], number / 4))


def _grid(canvas: Canvas) -> None:
    bend = canvas.random.uniform(6, 14)
    for row in range(12):
        for column in range(12):
            size = 8 + 26 * abs(math.sin((row + 1) * (column + 1) / bend))
            x, y = 115 + column * 70, 115 + row * 70
            ink = canvas.inks[0] if (row * 5 + column * 3) % 11 else canvas.inks[1]
            canvas.draw.rectangle((x - size, y - size, x + size, y + size), ink)


def _discs(canvas: Canvas) -> None:
    random = canvas.random
    for number in range(7):
        x, y, radius = random.uniform(200, 800), random.uniform(200, 800), random.uniform(90, 300)
        start = float(random.choice((0, 90, 180, 270)))
        box = (x - radius, y - radius, x + radius, y + radius)
        canvas.draw.pieslice(box, start, start + 180, (*canvas.inks[number % 3], 225))


def _rings(canvas: Canvas) -> None:
    x, y = canvas.random.uniform(300, 700), canvas.random.uniform(300, 700)
    for number in range(22, 0, -1):
        radius = 12 + number**1.55 * 9
        ink = canvas.paper if number % 2 else _between(canvas.inks[0], canvas.inks[1], number / 22)
        canvas.draw.ellipse((x - radius, y - radius, x + radius, y + radius), ink)


def _shards(canvas: Canvas) -> None:
    turns = sorted(canvas.random.uniform(0, math.tau, 17))
    for number, (one, other) in enumerate(pairwise(turns)):
        reach = canvas.random.uniform(300, 720)
        corners = [(500 + reach * math.cos(at), 500 + reach * math.sin(at)) for at in (one, other)]
        canvas.draw.polygon([(500, 500), *corners], (*canvas.inks[number % 3], 235))


def _pixels(canvas: Canvas) -> None:
    half = canvas.random.random((10, 5)) < 0.52
    for row, line in enumerate(np.hstack([half, half[:, ::-1]])):
        for column in np.flatnonzero(line):
            x, y = 150 + int(column) * 70, 150 + row * 70
            canvas.draw.rectangle((x, y, x + 69, y + 69), canvas.inks[(row // 3) % 3])
