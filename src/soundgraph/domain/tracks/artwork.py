"""Covers: square JPEG pictures of fixed sizes, made from whatever picture was sent."""

from soundgraph.domain.ids import ArtworkId

MAX_IMAGE_BYTES = 10_000_000
MAX_IMAGE_PIXELS = 25_000_000
ARTWORK_SIZES = (100, 500, 1000)


def artwork_prefix(artwork_id: ArtworkId) -> str:
    """Above every size of one cover. A new picture is a new cover, so what lies under it never changes."""
    return f"artwork/{artwork_id}/"


def artwork_key(artwork_id: ArtworkId, size: int) -> str:
    """Where one size of a cover is stored."""
    return f"{artwork_prefix(artwork_id)}{size}.jpg"
