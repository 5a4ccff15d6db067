"""Who lives in the demo, and what they made."""

from collections.abc import Callable
from dataclasses import dataclass

from soundgraph.entrypoints.cli.demo.calm import ambient, guitar, piano, strings
from soundgraph.entrypoints.cli.demo.club import chiptune, dub, house, jungle, techno
from soundgraph.entrypoints.cli.demo.covers import cover
from soundgraph.entrypoints.cli.demo.harmony import Score
from soundgraph.entrypoints.cli.demo.swing import jazz, lofi
from soundgraph.entrypoints.cli.demo.synth import Tape, mastered

PEOPLE = {
    "mira_sol": "Mira Sol",
    "kasimir": "Kasimir Voss",
    "night_ferry": "Night Ferry",
    "oona": "Oona Lindqvist",
    "tape_garden": "Tape Garden",
    "juno_park": "Juno Park",
    "pixel_heron": "Pixel Heron",
    "the_blue_hour": "The Blue Hour",
    "dr_kumquat": "Dr. Kumquat",
    "halflight": "Halflight Quartet",
    "sable": "Sable",
    "tomasz_b": "Tomasz B.",
}


@dataclass(frozen=True)
class Piece:
    """One track of the demo."""

    owner: str
    title: str
    genre: str
    make: Callable[[Score], Tape]
    score: Score
    tags: tuple[str, ...]
    description: str

    def picture(self) -> bytes:
        """Its cover, as PNG."""
        return cover(self.score.seed, self.genre)

    def sound(self) -> bytes:
        """16-bit stereo PCM at 44.1 kHz."""
        calm = self.make in (ambient, strings)
        return mastered(self.make(self.score), fade_in=1.0 if calm else 0.01, fade_out=3.0 if calm else 1.2)


I_V_VI_IV, VI_IV_I_V, II_V_I, MINOR = (0, 4, 5, 3), (5, 3, 0, 4), (1, 4, 0, 5), (0, 5, 3, 4)

A, B, C, D = "minor", "major", "dorian", "lydian"

# All of them are cut to this part of what is written: short enough to be processed while one watches.
LENGTH = 0.75

# owner, title, make, seconds, beats a minute, root, mode, progression, genre and tags, description
_TABLE: tuple[
    tuple[str, str, Callable[[Score], Tape], float, float, int, str, tuple[int, ...], str, str], ...
] = (
    ("mira_sol", "Slow Harbour", ambient, 34, 50, 50, D, (0, 4, 1, 5), "Ambient sea calm", "Fog, then no fog."),
    ("mira_sol", "Snow on the Antenna", ambient, 30, 46, 53, B, (0, 5, 3, 4), "Ambient winter", ""),
    ("mira_sol", "Letters to Nobody", piano, 24, 92, 48, A, (0, 5, 2, 6), "Piano solo", "Windows open."),
    ("kasimir", "Concrete Flowers", techno, 30, 130, 45, A, (0, 0, 5, 6), "Techno warehouse", "Piece by piece."),
    ("kasimir", "Platform 9, 04:12", techno, 24, 134, 43, C, (0, 0, 3, 3), "Techno acid", ""),
    ("kasimir", "Night Shift", techno, 26, 126, 47, A, (0, 5, 0, 6), "Techno", ""),
    ("night_ferry", "Kingston, Late", dub, 28, 72, 45, A, (0, 0, 3, 4), "Dub echo", "Turn the low end up."),
    ("night_ferry", "Salt and Tape Delay", dub, 24, 70, 43, C, (0, 3, 0, 4), "Dub", ""),
    ("oona", "Kitchen Table", guitar, 22, 88, 52, B, I_V_VI_IV, "Folk guitar", "One microphone, one cat."),
    ("oona", "Letter from Turku", guitar, 20, 96, 50, "mixolydian", (0, 6, 3, 0), "Folk guitar", ""),
    ("oona", "The Long Way Home", guitar, 18, 82, 48, B, VI_IV_I_V, "Folk", ""),
    ("tape_garden", "Rain Check", lofi, 28, 78, 53, B, II_V_I, "Lo-fi rain study", "For reading, or not reading."),
    ("tape_garden", "Third Cup", lofi, 24, 74, 50, C, (0, 3, 1, 4), "Lo-fi coffee", ""),
    ("tape_garden", "Post-it Notes", lofi, 20, 82, 55, B, (3, 2, 1, 0), "Lo-fi", ""),
    ("juno_park", "Sunday, Open Windows", house, 28, 122, 45, C, (0, 3, 0, 4), "House piano", ""),
    ("juno_park", "All the Lamps On", house, 24, 124, 48, A, VI_IV_I_V, "House disco", "Made for one kitchen."),
    ("juno_park", "Roller", house, 20, 120, 43, A, MINOR, "House", ""),
    ("pixel_heron", "Boss of the Puddle", chiptune, 20, 150, 57, B, I_V_VI_IV, "Chiptune 8-bit game", "Press start."),
    ("pixel_heron", "Save Point", chiptune, 18, 112, 60, D, (0, 1, 0, 4), "Chiptune", ""),
    ("pixel_heron", "Warp Zone 3", chiptune, 16, 168, 55, A, MINOR, "Chiptune", ""),
    ("the_blue_hour", "Corner of Vine and Ninth", jazz, 28, 132, 58, B, II_V_I, "Jazz vibraphone", "One take."),
    ("the_blue_hour", "Umbrella Stand", jazz, 24, 112, 55, C, (0, 3, 1, 4), "Jazz trio", ""),
    ("the_blue_hour", "Late Set", jazz, 20, 148, 53, B, (0, 5, 1, 4), "Jazz", ""),
    ("dr_kumquat", "Centrifuge", jungle, 24, 170, 45, A, (0, 5, 3, 4), "Drum & bass breaks", "Handle with care."),
    ("dr_kumquat", "Lab Coat Weather", jungle, 20, 166, 43, C, (0, 3, 5, 4), "Drum & bass", ""),
    ("halflight", "Adagio for a Power Cut", strings, 32, 60, 55, A, (0, 5, 3, 4), "Strings quartet", "By candlelight."),
    ("halflight", "Ninety Winters", strings, 26, 66, 53, B, (0, 4, 5, 3), "Strings", ""),
    ("sable", "Glass Staircase", piano, 26, 108, 50, C, (0, 3, 6, 4), "Piano minimal", "Eight notes."),
    ("sable", "Undertow", ambient, 28, 54, 46, A, (0, 5, 2, 6), "Ambient dark", ""),
    ("tomasz_b", "First Thing I Ever Made", house, 14, 118, 48, B, (0, 4, 5, 3), "House", "Be kind."),
)  # fmt: skip


def pieces() -> list[Piece]:
    """All of them, in an order in which no two of a kind follow each other."""
    made = []
    for seed, (owner, title, make, seconds, bpm, root, mode, progression, words, description) in enumerate(_TABLE, 1):
        genre, *tags = _split(words)
        score = Score(seconds * LENGTH, bpm, root, mode, progression, seed)
        made.append(Piece(owner, title, genre, make, score, tuple(tags), description))
    return [made[number * 7 % len(made)] for number in range(len(made))]


def _split(words: str) -> list[str]:
    """A genre and its tags; the one genre of several words is kept together."""
    first, *rest = words.replace("Drum & bass", "Drum&bass").split()
    return [first.replace("Drum&bass", "Drum & bass"), *rest]
