"""The music of the demo is music: stereo, as long as it says, never silent, and the same every time."""

import io

import numpy as np
import pytest
from PIL import Image

from soundgraph.entrypoints.cli.demo.community import wav
from soundgraph.entrypoints.cli.demo.covers import cover
from soundgraph.entrypoints.cli.demo.pieces import PEOPLE, Piece, pieces
from soundgraph.entrypoints.cli.demo.synth import RATE

KINDS = {piece.make: piece for piece in pieces()}


def test_there_is_something_of_everybody() -> None:
    made = pieces()
    assert len(made) == 30
    assert {one.owner for one in made} == set(PEOPLE)
    assert len({(one.owner, one.title) for one in made}) == len(made)
    assert all(8 <= one.score.seconds <= 40 for one in made)


@pytest.mark.parametrize("piece", KINDS.values(), ids=lambda piece: piece.genre)
def test_every_kind_sounds(piece: Piece) -> None:
    sound = piece.sound()
    left, right = np.frombuffer(sound, "<i2").reshape(-1, 2).astype(float).T
    assert len(left) == round(piece.score.seconds * RATE)
    assert 28_000 < max(np.abs(left).max(), np.abs(right).max()) < 32_767
    assert not np.array_equal(left, right)
    quiet = [np.abs(part).mean() < 30 for part in np.array_split(left, 20)[1:-1]]
    assert not any(quiet)
    assert wav(sound)[:4] == b"RIFF"


def test_the_same_seed_makes_the_same_piece() -> None:
    first, second = (next(one for one in pieces() if one.title == "Warp Zone 3").sound() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("genre", sorted({piece.genre for piece in pieces()}))
def test_every_genre_has_a_cover(genre: str) -> None:
    with Image.open(io.BytesIO(cover(3, genre))) as image:
        assert image.size == (1000, 1000)
    assert cover(3, genre) != cover(4, genre)
