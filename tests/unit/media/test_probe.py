"""What is seen of a file without decoding it."""

import pytest

from soundgraph.adapters.pyav.probe import adts_head

# LC at 44.1 kHz in stereo, one block, without a checksum.
HEAD = b"\xff\xf1\x50\x80\x2e\x7f\xfc"
SOUND = b"\x21\x10\x04"


def changed(at: int, bits: int) -> bytes:
    return HEAD[:at] + bytes([HEAD[at] ^ bits]) + HEAD[at + 1 :] + SOUND


@pytest.mark.parametrize("packet", [changed(1, 1), changed(2, 2), changed(3, 0x3C), changed(4, 0xFF), changed(5, 0xFF)])
def test_what_differs_from_frame_to_frame_makes_no_difference(packet: bytes) -> None:
    assert adts_head(packet) == adts_head(HEAD + SOUND) == b"\x50\x80"


@pytest.mark.parametrize("packet", [changed(2, 0x40), changed(2, 4), changed(2, 1), changed(3, 0x40)])
def test_another_profile_or_rate_or_number_of_channels_does(packet: bytes) -> None:
    assert adts_head(packet) not in (None, adts_head(HEAD + SOUND))


@pytest.mark.parametrize(
    "packet",
    [b"", HEAD, b"TAG" + bytes(125), changed(0, 1), changed(1, 2), changed(6, 1), changed(3, 0x80)],
    ids=["empty", "nothing else", "a tag", "no sync", "a layer", "two blocks", "channels unsaid"],
)
def test_what_cannot_be_described_in_front_is_none(packet: bytes) -> None:
    assert adts_head(packet) is None
