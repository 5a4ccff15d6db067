"""From any channels at any rate to stereo at 44.1 or 48 kHz."""

from collections.abc import Iterator

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.error import FFmpegError
from numpy.typing import NDArray

from soundgraph.adapters.pyav.frames import rewrapped, samples
from soundgraph.adapters.pyav.waveform import all_finite

BLOCK_SAMPLES = 1 << 14
Block = NDArray[np.float32]


class Mixer:
    """Blocks of shape (2, up to 16,384), full scale 1 and never beyond, at `rate` hertz.

    There are as many samples as the original has, times the ratio of the rates, to the nearest whole one.
    Several channels become two with FFmpeg's matrices, turned down so that nothing clips, which it does for integer
    output only: hence s32. Mono goes to both sides as loud as it is; FFmpeg would take 3 dB off.
    """

    def __init__(self, original_rate: int, rate: int | None = None) -> None:
        self.rate = rate or rate_for(original_rate)
        self._original_rate = original_rate
        self._taken = self._given = 0
        self._resampler: AudioResampler | None = None
        self._fold = False

    def feed(self, frame: AudioFrame) -> Iterator[Block]:
        """The blocks that this frame completes."""
        frame = finite(frame)
        frame.pts = None
        self._taken += frame.samples
        if self._resampler is None:
            self._resampler = self._new_resampler(frame)
            try:
                mixed = self._resampler.resample(frame)
            except FFmpegError:
                # A layout without a matrix, such as ambisonics or a lone pair of back channels.
                self._fold, self._resampler = True, self._new_resampler(_folded(frame))
                mixed = self._resampler.resample(_folded(frame))
        else:
            mixed = self._resampler.resample(_folded(frame) if self._fold else frame)
        yield from map(self._block, mixed)

    def flush(self) -> Iterator[Block]:
        """The last blocks."""
        wanted = (2 * self._taken * self.rate + self._original_rate) // (2 * self._original_rate)
        for frame in self._resampler.resample(None) if self._resampler is not None else ():
            left = wanted - self._given
            block = self._block(frame)
            if left > 0:
                yield np.ascontiguousarray(block[:, :left])
        # What a resampler keeps back at the end is a sample or two.
        if wanted - self._given > 0:
            yield np.zeros((2, wanted - self._given), np.float32)

    def _new_resampler(self, frame: AudioFrame) -> AudioResampler:
        layout = "mono" if frame.layout.nb_channels == 1 else "stereo"
        return AudioResampler("s32p", layout, self.rate, BLOCK_SAMPLES)

    def _block(self, frame: AudioFrame) -> Block:
        self._given += frame.samples
        stereo = np.broadcast_to(frame.to_ndarray(), (2, frame.samples)).astype(np.float32, order="C")
        stereo *= np.float32(2.0**-31)
        return stereo


def rate_for(original_rate: int) -> int:
    """44.1 or 48 kHz, whichever is the nearer relative."""
    return 44_100 if original_rate % 11_025 == 0 else 48_000


def finite(frame: AudioFrame) -> AudioFrame:
    """The same frame, unless it is floating and holds what is no number: that would spread through every filter."""
    if frame.format.name not in ("flt", "fltp", "dbl", "dblp"):
        return frame
    array = samples(frame)
    if all_finite(array):
        return frame
    clean = np.nan_to_num(array, nan=0.0, posinf=1.0, neginf=-1.0)
    return rewrapped(clean, frame, frame.layout.name)


def _folded(frame: AudioFrame) -> AudioFrame:
    """Even channels to the left, odd ones to the right."""
    array = samples(frame)
    sides = [array[0::2].mean(axis=0), array[1::2].mean(axis=0)] if len(array) > 1 else [array[0]]
    return rewrapped(np.stack(sides).astype(array.dtype), frame, "stereo" if len(array) > 1 else "mono")
