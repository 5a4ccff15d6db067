"""Thirty seconds for those who may not hear more: the loudest, for that is where a track is most itself."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from soundgraph.adapters.pyav.mix import Block

PREVIEW_SECONDS = 30
FADE_SECONDS = 1


class Loudest:
    """Keeps the loudest thirty seconds of stereo audio at `rate` hertz, to the second, and all of what is shorter."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._ring = np.zeros((2, PREVIEW_SECONDS * rate), np.int16)
        self._end = 0
        self._energies: deque[float] = deque(maxlen=PREVIEW_SECONDS)
        self._energy = 0.0
        self._best_energy = -1.0
        self._best: NDArray[np.int16] | None = None

    def feed(self, block: Block) -> None:
        """Add samples of shape (2, n)."""
        while block.shape[1]:
            piece = block[:, : self._rate - self._end % self._rate]
            at = self._end % self._ring.shape[1]
            self._ring[:, at : at + piece.shape[1]] = np.rint(piece * 32_767.0)
            self._energy += float(np.vdot(piece, piece))
            self._end += piece.shape[1]
            if self._end % self._rate == 0:
                self._finish_second()
            block = block[:, piece.shape[1] :]

    def faded(self) -> Block:
        """The audio, of shape (2, n), faded in and out over a second, or over a quarter of what is short."""
        found = self._ring[:, : self._end] if self._best is None else self._best
        audio = found.astype(np.float32) / np.float32(32_767)
        length = min(FADE_SECONDS * self._rate, audio.shape[1] // 4)
        slope = np.linspace(0, 1, length, dtype=np.float32)
        audio[:, :length] *= slope
        audio[:, audio.shape[1] - length :] *= slope[::-1]
        return audio

    def _finish_second(self) -> None:
        self._energies.append(self._energy)
        self._energy = 0.0
        energy = sum(self._energies)
        if len(self._energies) == PREVIEW_SECONDS and energy > self._best_energy:
            self._best_energy = energy
            at = self._end % self._ring.shape[1]
            self._best = np.concatenate([self._ring[:, at:], self._ring[:, :at]], axis=1)
