"""The waveform against a reference that does it one sample at a time."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from soundgraph.adapters.pyav.waveform import WaveformFile, reduce_blocks, to_sum16


def naive(samples: NDArray[Any]) -> list[int]:
    """Minimum and maximum of every 256 samples, channels averaged, as audiowaveform computes them from 16-bit input."""
    mono = [int(sum(map(int, column)) / len(column)) for column in samples.T]
    data = []
    for start in range(0, len(mono), 256):
        block = mono[start : start + 256]
        data += [int(min(block) / 256), int(max(block) / 256)]
    return data


def written(path: Path, pieces: list[NDArray[Any]], rate: int = 44_100) -> dict[str, Any]:
    waveform = WaveformFile(path, rate)
    for piece in pieces:
        waveform.feed(piece)
    waveform.finish()
    content: dict[str, Any] = json.loads(path.read_text())
    return content


@settings(deadline=None)
@given(
    samples=arrays.arrays(np.int16, st.tuples(st.integers(1, 8), st.integers(1, 1500))),
    cuts=st.lists(st.integers(0, 1500), max_size=5),
)
def test_it_equals_the_reference_however_the_samples_arrive(
    tmp_path_factory: pytest.TempPathFactory, samples: NDArray[np.int16], cuts: list[int]
) -> None:
    pieces = np.split(samples, sorted(cuts), axis=1)
    content = written(tmp_path_factory.mktemp("w") / "w.json", pieces)
    assert content["data"] == naive(samples)
    assert content["length"] * 2 == len(content["data"])


def test_batches_join_without_a_seam(tmp_path: Path) -> None:
    samples = np.random.default_rng(1).integers(-32_768, 32_768, (2, 200_001)).astype(np.int16)
    pieces = np.split(samples, range(0, 200_001, 1152), axis=1)
    assert written(tmp_path / "w.json", pieces)["data"] == naive(samples)


def test_the_head_is_that_of_audiowaveform_version_2(tmp_path: Path) -> None:
    content = written(tmp_path / "w.json", [np.zeros((1, 300), np.int16)], rate=8_000)
    assert list(content) == ["version", "channels", "sample_rate", "samples_per_pixel", "bits", "length", "data"]
    assert content == {
        "version": 2,
        "channels": 1,
        "sample_rate": 8_000,
        "samples_per_pixel": 256,
        "bits": 8,
        "length": 2,
        "data": [0, 0, 0, 0],
    }


@pytest.mark.parametrize(
    ("dtype", "values", "expected"),
    [
        (np.uint8, [0, 64, 128, 255], [-32_768, -16_384, 0, 32_512]),
        (np.int16, [-32_768, 0, 1, 32_767], [-32_768, 0, 1, 32_767]),
        (np.int32, [-(2**31), 0, 1 << 16, 2**31 - 1], [-32_768, 0, 1, 32_767]),
        (np.float32, [-1.0, 0.0, 0.5, 1.0, 1.5, -1.5], [-32_767, 0, 16_383, 32_767, 32_767, -32_768]),
        (np.float64, [-7.0, 0.5, np.nan, np.inf, -np.inf, 1e300], [-32_768, 16_383, 0, 32_767, -32_768, 32_767]),
    ],
)
def test_every_sample_type_has_the_same_scale(dtype: type, values: list[float], expected: list[int]) -> None:
    assert to_sum16(np.array([values], dtype)).tolist() == expected
    assert to_sum16(np.array([values, values], dtype)).tolist() == [2 * one for one in expected]


def test_channels_are_averaged_towards_zero() -> None:
    pair = reduce_blocks(to_sum16(np.array([[767, -767], [256, -256]], np.int16)), 2)
    # The means are 511.5 and -511.5; an arithmetic shift would make the lower one -2.
    assert pair.tolist() == [-1, 1]


def test_nothing_reduces_to_nothing() -> None:
    assert reduce_blocks(np.zeros(256, np.int32), 1).tolist() == [0, 0]
