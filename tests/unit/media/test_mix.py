"""Whatever comes in, stereo comes out, no louder and no quieter than it should be."""

import numpy as np
import pytest
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from soundgraph.adapters.pyav.mix import Mixer


def frame(samples: NDArray[np.float32], layout: str, rate: int = 44_100) -> AudioFrame:
    made = AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=layout)
    made.sample_rate = rate
    return made


def mixed(samples: NDArray[np.float32], layout: str, rate: int = 44_100) -> tuple[int, NDArray[np.float32]]:
    mixer = Mixer(rate)
    pieces = np.array_split(samples, 3, axis=1)
    blocks = [block for piece in pieces for block in mixer.feed(frame(piece, layout, rate))]
    blocks += mixer.flush()
    assert all(block.dtype == np.float32 and block.shape[0] == 2 for block in blocks)
    return mixer.rate, np.concatenate(blocks, axis=1)


def sine(channels: int, amplitude: float = 0.5, rate: int = 44_100) -> NDArray[np.float32]:
    wave = amplitude * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    return np.ascontiguousarray(np.broadcast_to(wave.astype(np.float32), (channels, rate)))


@pytest.mark.parametrize(
    ("channels", "layout"), [(1, "mono"), (2, "stereo"), (6, "5.1"), (6, "6 channels"), (5, "5.0"), (4, "quad")]
)
def test_full_channels_neither_clip_nor_fade(channels: int, layout: str) -> None:
    _, stereo = mixed(sine(channels), layout)
    assert stereo.shape == (2, 44_100)
    assert np.abs(stereo).max(axis=1) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(("channels", "layout"), [(4, "ambisonic 1"), (2, "BL+BR"), (3, "FL+FR+TFL")])
def test_a_layout_without_a_matrix_is_folded(channels: int, layout: str) -> None:
    _, stereo = mixed(sine(channels), layout)
    assert np.abs(stereo).max(axis=1) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("rate", "target"),
    [(8_000, 48_000), (11_025, 44_100), (22_050, 44_100), (32_000, 48_000), (48_000, 48_000), (96_000, 48_000)],
)
def test_rates_go_to_the_nearest_relative(rate: int, target: int) -> None:
    chosen, stereo = mixed(sine(2, rate=rate), "stereo", rate)
    assert chosen == target
    assert stereo.shape[1] == pytest.approx(target, abs=target * 0.005)


def test_what_is_too_loud_or_no_number_is_tamed() -> None:
    wild = sine(2, amplitude=9.0)
    wild[:, 100:200] = np.nan
    wild[:, 300] = np.inf
    _, stereo = mixed(wild, "stereo")
    assert np.isfinite(stereo).all()
    assert np.abs(stereo).max() <= 1.0
    assert not stereo[:, 110:190].any()
