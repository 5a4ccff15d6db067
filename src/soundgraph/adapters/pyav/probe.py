"""How long a file is and what it takes, by its packets, without decoding any."""

from dataclasses import dataclass

from soundgraph.adapters.pyav.decode import Source, packets, too_long
from soundgraph.adapters.pyav.protocol import Limits

# A header with a checksum.
ADTS_BYTES = 9


@dataclass(frozen=True, slots=True)
class Probe:
    """What the packets of a file add up to. `discarded` says that some are not to be heard, priming apart.

    `steady` says that those of an ADTS file, which may change in everything, are all like the first.
    """

    seconds: float
    bits_per_second: float
    discarded: bool
    steady: bool = True


def measure(source: Source, limits: Limits) -> Probe:
    """Count the packets, by demuxing alone. Raises Unfit(too_long)."""
    base = source.stream.time_base
    assert base is not None
    total, size, discarded, first, last = 0, 0, False, None, None
    adts = source.container.format.name == "aac"
    heads: set[bytes | None] = set()
    for packet in packets(source):
        if packet.is_discard:
            discarded = discarded or packet.pts is None or packet.pts >= 0
            continue
        size += packet.size
        if adts and packet.size and len(heads) < 2:
            heads.add(adts_head(bytes(packet)))
        total += packet.duration or 0
        if packet.pts is not None:
            first, last = packet.pts if first is None else first, packet.pts
        if total * base > limits.max_duration:
            raise too_long(limits, "probing")
    # Some containers store no durations; what is left then is the time between first and last packet.
    span = total or ((last or 0) - (first or 0))
    if span * base > limits.max_duration:
        raise too_long(limits, "probing")
    seconds = float(span * base)
    steady = len(heads) < 2 and None not in heads
    return Probe(seconds, size * 8 / seconds if seconds else 0.0, discarded, steady)


def adts_head(packet: bytes) -> bytes | None:
    """What has to stay as it is of a frame's header (ISO 14496-3, 1.A.2.2), if there is one for one block of sound.

    None, too, where it leaves the channels to the frame.
    """
    if len(packet) <= ADTS_BYTES or packet[0] != 0xFF or packet[1] & 0xF6 != 0xF0:
        return None
    channels, more_blocks = (packet[2] & 1) << 2 | packet[3] >> 6, packet[6] & 3
    return bytes([packet[2] & 0xFD, packet[3] & 0xC0]) if channels and not more_blocks else None
