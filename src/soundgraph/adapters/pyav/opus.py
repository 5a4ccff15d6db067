"""Opus cut in time: slices of ten seconds, encoded side by side, whose packets follow each other without a seam.

Every slice but the last is encoded a little beyond its end, where the next one begins. By then the next encoder knows
what it is in, and its packets take over. At this rate Opus is CELT, which windows every overlap alike, so the halves
that two encoders made add up as if one had made both; what else a packet takes from the one before, the energies of its
bands, both estimate from the same sound. There are as many packets and samples as from one encoder.
"""

from collections import deque
from concurrent.futures import Executor, Future
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet

from soundgraph.adapters.pyav.encode import Form
from soundgraph.adapters.pyav.mix import Block
from soundgraph.adapters.pyav.protocol import FILES, OPUS, Encoded, Gapless

Packets = list["Packet[AudioStream]"]

OPUS_RATE, FRAME, DELAY = 48_000, 960, 312
BIT_RATE = 64_000
# Of 10. Level 10 takes half as long again, and a track is playable no earlier than this is done. From 5 on there is a
# filter whose parameters reach from one packet into the next.
OPTIONS = {"compression_level": "3"}
SLICE_FRAMES, OVERLAP_FRAMES = 500, 12
# More than are encoded at a time, so that nobody waits; each is 4 MB.
SLICES_AHEAD = 3
# What an encoder is handed at a time: it makes copies.
PIECE_FRAMES = 25


class Opus(Form):
    """Opus in WebM: Safari learnt Ogg only with version 18.4, and everything else plays both. `hands` encode."""

    name, rate = OPUS, OPUS_RATE

    def __init__(self, directory: Path, hands: Executor, *, slice_frames: int = SLICE_FRAMES) -> None:
        # Bit-exact: without a random identifier, the same sound makes the same file.
        self._container = av.open(str(directory / FILES[OPUS]), "w", format="webm", options={"fflags": "+bitexact"})
        # It encodes nothing: the container takes from it what it has to know.
        self._stream = self._container.add_stream("libopus", rate=OPUS_RATE, layout="stereo", options=OPTIONS)
        self._stream.bit_rate = BIT_RATE
        self._hands, self._slice_frames = hands, slice_frames
        self._waiting: list[Block] = [np.zeros((2, 0), np.float32)]
        self._buffered = self._samples = self._packets = 0
        self._ahead: deque[Future[Packets]] = deque()
        self._tail: Packets = []

    def write(self, block: Block) -> None:
        self._waiting.append(block)
        self._buffered += block.shape[1]
        self._samples += block.shape[1]
        begin, end = self._slice_frames * FRAME, (self._slice_frames + OVERLAP_FRAMES) * FRAME
        while self._buffered >= end:
            together = np.concatenate(self._waiting, axis=1)
            self._submit(together[:, :end], last=False)
            self._waiting, self._buffered = [together[:, begin:].copy()], self._buffered - begin

    def finish(self) -> Encoded:
        self._submit(np.concatenate(self._waiting, axis=1), last=True)
        while self._ahead:
            self._take_next()
        self._mux(self._tail)
        self._container.close()
        return Encoded(OPUS, Gapless(DELAY, self._packets * FRAME - DELAY - self._samples, self._samples))

    def _submit(self, block: Block, *, last: bool) -> None:
        if len(self._ahead) >= SLICES_AHEAD:
            self._take_next()
        self._ahead.append(self._hands.submit(_encoded, block, last))

    def _take_next(self) -> None:
        """Write the slice whose turn it is; what it has beyond its end goes before the next one's packets."""
        packets = self._ahead.popleft().result()
        packets[: len(self._tail)] = self._tail[: len(packets)]
        self._mux(packets[: self._slice_frames])
        self._tail = packets[self._slice_frames :]

    def _mux(self, packets: Packets) -> None:
        for packet in packets:
            packet.stream = self._stream
            packet.pts = packet.dts = self._packets * FRAME - DELAY
            self._packets += 1
        self._container.mux(packets)


def _encoded(block: Block, last: bool) -> Packets:
    encoder = AudioCodecContext.create("libopus", "w")
    encoder.format, encoder.layout, encoder.rate = "flt", "stereo", OPUS_RATE
    encoder.bit_rate, encoder.options, encoder.time_base = BIT_RATE, OPTIONS, Fraction(1, OPUS_RATE)
    packets: Packets = []
    for at in range(0, block.shape[1], PIECE_FRAMES * FRAME):
        piece = np.ascontiguousarray(block[:, at : at + PIECE_FRAMES * FRAME].T).reshape(1, -1)
        frame = AudioFrame.from_ndarray(piece, format="flt", layout="stereo")
        frame.sample_rate, frame.pts = OPUS_RATE, at
        packets += encoder.encode(frame)
    return packets + encoder.encode(None) if last else packets
