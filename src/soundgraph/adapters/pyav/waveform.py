"""Waveforms as audiowaveform draws them: the lowest and highest sample of every 256, as JSON of format version 2.

Source: https://github.com/bbc/audiowaveform/blob/master/doc/DataFormat.md
"""

from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

SAMPLES_PER_PIXEL = 256
LENGTH_DIGITS = 12


def all_finite(samples: NDArray[Any]) -> bool:
    """Whether every sample is a number, in one go: a sum is finite only if everything in it is."""
    with np.errstate(invalid="ignore"):
        return bool(np.isfinite(samples.sum(dtype=np.float64)))


def to_sum16(samples: NDArray[Any]) -> NDArray[Any]:
    """The sum of all channels on the scale of 16-bit samples: integers of 32 bits, or whole floating numbers.

    `samples` has the shape (channels, n) and is unsigned 8-bit, signed 16- or 32-bit, or floating with full scale 1.
    The latter become 16 bits as they do in audiowaveform: in single precision, times 32,767, cut off towards zero.
    """
    if samples.dtype.kind == "f":
        with np.errstate(over="ignore"):
            scaled = np.multiply(samples, np.float32(32_767), order="C", dtype=np.float32, casting="same_kind")
        np.trunc(scaled, out=scaled)
        # Looking is cheaper than cutting, and what is no number fails every comparison.
        if not (scaled.min() >= -32_768 and scaled.max() <= 32_767):
            np.clip(np.nan_to_num(scaled, copy=False, nan=0.0), -32_768.0, 32_767.0, out=scaled)
        floating: NDArray[Any] = np.add.reduce(scaled, axis=0)
        return floating
    if samples.dtype.itemsize == 1:
        samples = (samples.astype(np.int16) - 128) << 8
    elif samples.dtype.itemsize == 4:
        samples = samples >> 16
    total: NDArray[Any] = samples[0].astype(np.int32)
    for channel in samples[1:]:
        total += channel
    return total


def reduce_blocks(total: NDArray[Any], channels: int) -> NDArray[np.int8]:
    """Lowest and highest mean of every 256 samples in turn, 8 bits each; the last block may be short.

    `total` sums up the channels. Both divisions cut off towards zero, which keeps the order: few values need them.
    """
    whole = len(total) // SAMPLES_PER_PIXEL * SAMPLES_PER_PIXEL
    blocks = total[:whole].reshape(-1, SAMPLES_PER_PIXEL)
    pairs = np.stack([blocks.min(axis=1), blocks.max(axis=1)], axis=1)
    if whole < len(total):
        pairs = np.concatenate([pairs, [[total[whole:].min(), total[whole:].max()]]])
    means = np.trunc(pairs / channels)
    return np.trunc(means / 256).astype(np.int8).ravel()


class WaveformFile:
    """Writes the JSON as the samples come, in constant memory. `sample_rate` is the original's, in hertz."""

    def __init__(self, path: Path, sample_rate: int) -> None:
        self._file: BinaryIO = path.open("wb")
        head = (
            f'{{"version":2,"channels":1,"sample_rate":{sample_rate},"samples_per_pixel":{SAMPLES_PER_PIXEL},"bits":8,'
        )
        self._file.write(f'{head}"length":'.encode())
        self._length_at = self._file.tell()
        # JSON allows spaces before a number: room for the length, which is known last.
        self._file.write(b" " * LENGTH_DIGITS + b',"data":[')
        self._short: NDArray[Any] | None = None
        self._pixels = 0

    def feed(self, samples: NDArray[Any]) -> None:
        """Add samples of shape (channels, n), many at a time: a few cost as much as thousands."""
        if self._short is not None:
            samples = np.concatenate([self._short, samples], axis=1)
        whole = samples.shape[1] // SAMPLES_PER_PIXEL * SAMPLES_PER_PIXEL
        self._short = samples[:, whole:].copy() if whole < samples.shape[1] else None
        if whole:
            self._write(samples[:, :whole])

    def finish(self) -> None:
        """Write what is left and close. Then the file is complete."""
        if self._short is not None:
            self._write(self._short)
        self._file.write(b"]}\n")
        self._file.seek(self._length_at)
        self._file.write(f"{self._pixels:{LENGTH_DIGITS}d}".encode())
        self._file.close()

    def _write(self, samples: NDArray[Any]) -> None:
        data = reduce_blocks(to_sum16(samples), len(samples))
        separator = b"," if self._pixels else b""
        self._file.write(separator + msgspec.json.encode(data.tolist())[1:-1])
        self._pixels += len(data) // 2
