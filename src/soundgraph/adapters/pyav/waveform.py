"""Waveforms as audiowaveform draws them: the lowest and highest sample of every 256, as JSON of format version 2.

Source: https://github.com/bbc/audiowaveform/blob/master/doc/DataFormat.md
"""

from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

SAMPLES_PER_PIXEL = 256
# Reducing many samples at once costs a fraction of reducing each small frame.
BATCH_SAMPLES = 1 << 16
LENGTH_DIGITS = 12


def to_mono16(samples: NDArray[Any]) -> NDArray[np.int32]:
    """Mix channels to their mean, on the scale of 16-bit samples, cut off towards zero.

    `samples` has the shape (channels, n) and is unsigned 8-bit, signed 16- or 32-bit, or floating with full scale 1.
    """
    if samples.dtype.kind == "f":
        finite = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
        scaled = np.minimum(np.rint(np.clip(finite, -1.0, 1.0) * 32_768.0), 32_767).astype(np.int32)
    elif samples.dtype.itemsize == 1:
        scaled = (samples.astype(np.int32) - 128) << 8
    elif samples.dtype.itemsize == 4:
        scaled = samples >> 16
    else:
        scaled = samples
    if len(scaled) == 1:
        mono = scaled[0].astype(np.int32)
    else:
        mono = np.trunc(scaled.sum(axis=0, dtype=np.int32) / len(scaled)).astype(np.int32)
    return cast(NDArray[np.int32], mono)


def reduce_blocks(mono: NDArray[np.int32]) -> NDArray[np.int8]:
    """Lowest and highest of every 256 samples in turn, 8 bits each; the last block may be short. Length 2 * blocks."""
    starts = np.arange(0, len(mono), SAMPLES_PER_PIXEL)
    pairs = np.stack([np.minimum.reduceat(mono, starts), np.maximum.reduceat(mono, starts)], axis=1)
    return np.trunc(pairs / 256).astype(np.int8).ravel()


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
        self._pending: list[NDArray[np.int32]] = []
        self._pending_samples = 0
        self._pixels = 0

    def feed(self, samples: NDArray[Any]) -> None:
        """Add samples of shape (channels, n)."""
        self._pending.append(to_mono16(samples))
        self._pending_samples += samples.shape[1]
        if self._pending_samples >= BATCH_SAMPLES:
            mono = np.concatenate(self._pending)
            whole = len(mono) // SAMPLES_PER_PIXEL * SAMPLES_PER_PIXEL
            self._write(mono[:whole])
            self._pending, self._pending_samples = [mono[whole:]], len(mono) - whole

    def finish(self) -> None:
        """Write what is left and close. Then the file is complete."""
        if self._pending_samples:
            self._write(np.concatenate(self._pending))
        self._file.write(b"]}\n")
        self._file.seek(self._length_at)
        self._file.write(f"{self._pixels:{LENGTH_DIGITS}d}".encode())
        self._file.close()

    def _write(self, mono: NDArray[np.int32]) -> None:
        data = reduce_blocks(mono)
        separator = b"," if self._pixels else b""
        self._file.write(separator + ",".join(map(str, data.tolist())).encode())
        self._pixels += len(data) // 2
