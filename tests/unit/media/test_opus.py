"""Opus that several encoders made, slice by slice, is the same as if one had: as long, and as true at its seams."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from soundgraph.adapters.pyav.mix import Block
from soundgraph.adapters.pyav.opus import DELAY, FRAME, OPUS_RATE, OVERLAP_FRAMES, Opus
from soundgraph.adapters.pyav.protocol import FILES, OPUS

SLICE_FRAMES = 50
ONE_SLICE = 100_000
SECONDS = 12


def music(seconds: float) -> Block:
    """Chords and a beat, louder on one side."""
    times = np.arange(round(seconds * OPUS_RATE)) / OPUS_RATE
    chord = sum(np.sin(2 * np.pi * (220 + 30 * np.floor(times)) * k * times) / k for k in (1, 1.5, 2, 3))
    beat = np.exp(-(times % 0.5) * 20) * np.random.default_rng(5).standard_normal(len(times))
    return (np.stack([chord, 0.7 * chord]) * 0.12 + 0.1 * beat).astype(np.float32)


def encoded(directory: Path, sound: Block, slice_frames: int, block: int = 5_000) -> tuple[int, NDArray[np.float32]]:
    """What a decoder that trims nothing yields, and the number of samples that the encoder says it was fed."""
    directory.mkdir()
    with ThreadPoolExecutor(2) as hands:
        form = Opus(directory, hands, slice_frames=slice_frames)
        for at in range(0, sound.shape[1], block):
            form.write(np.ascontiguousarray(sound[:, at : at + block]))
        gapless = form.finish().gapless
    with av.open(str(directory / FILES[OPUS])) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    decoder = av.CodecContext.create("libopus", "r")
    frames = [frame.to_ndarray() for packet in packets for frame in decoder.decode(av.Packet(packet))]
    heard = np.concatenate([one.reshape(-1, 2).T.astype(np.float32) / 32_768 for one in frames], axis=1)
    assert gapless.encoder_delay == DELAY
    assert heard.shape[1] == gapless.encoder_delay + gapless.samples + gapless.padding
    return gapless.samples, heard[:, DELAY : DELAY + gapless.samples]


def errors(heard: NDArray[np.float32], sound: Block) -> NDArray[np.float32]:
    """By how much every frame differs, in dB below the sound."""
    whole = sound.shape[1] // FRAME * FRAME
    powers = [np.square(one[:, :whole]).reshape(2, -1, FRAME).sum(axis=(0, 2)) + 1e-9 for one in (heard - sound, sound)]
    return np.asarray(10 * np.log10(powers[0] / powers[1]), np.float32)


def test_no_seam_is_worse_than_what_one_encoder_makes_there(tmp_path: Path) -> None:
    sound = music(SECONDS)
    _, sliced = encoded(tmp_path / "sliced", sound, SLICE_FRAMES)
    _, whole = encoded(tmp_path / "whole", sound, ONE_SLICE)
    worse = errors(sliced, sound) - errors(whole, sound)
    seams = np.arange(SLICE_FRAMES + OVERLAP_FRAMES, len(worse) - 4, SLICE_FRAMES)
    assert len(seams) >= 10
    around = worse[seams[:, None] + np.arange(-2, 4)]
    # Both are as far off as Opus is at this rate, frame by frame not in the same way.
    assert around.mean() < 0.5
    assert np.median(around, axis=1).max() < 3


@pytest.mark.parametrize(
    "samples",
    [
        1,
        FRAME,
        SLICE_FRAMES * FRAME,
        (SLICE_FRAMES + OVERLAP_FRAMES) * FRAME - 1,
        (SLICE_FRAMES + OVERLAP_FRAMES) * FRAME,
        (2 * SLICE_FRAMES + OVERLAP_FRAMES) * FRAME + 1,
        123_457,
    ],
)
def test_every_sample_comes_out_again(tmp_path: Path, samples: int) -> None:
    sound = music(4)[:, :samples]
    counted, heard = encoded(tmp_path / "out", sound, SLICE_FRAMES, block=7_777)
    assert counted == samples == heard.shape[1]


def test_the_same_sound_makes_the_same_file(tmp_path: Path) -> None:
    for name in ("one", "other"):
        encoded(tmp_path / name, music(5), SLICE_FRAMES)
    one, other = ((tmp_path / name / FILES[OPUS]).read_bytes() for name in ("one", "other"))
    assert one == other
