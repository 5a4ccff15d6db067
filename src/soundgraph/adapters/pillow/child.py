"""The child: `python -m soundgraph.adapters.pillow.child PARENT`, in a directory with the file `original`.

Its exit status is its verdict. Every size it makes is a file `<size>.jpg` beside the original.
"""

import resource
import sys
import warnings
from enum import IntEnum
from pathlib import Path

from PIL import Image, ImageOps

from soundgraph.adapters.sandbox.restraint import die_with, isolate, lower
from soundgraph.domain.tracks import ARTWORK_SIZES, MAX_IMAGE_PIXELS

ORIGINAL = "original"
FORMATS = ("JPEG", "PNG", "WEBP")
LIMITS = (
    (resource.RLIMIT_CORE, 0),
    (resource.RLIMIT_CPU, 20),
    (resource.RLIMIT_AS, 1 << 30),
    (resource.RLIMIT_FSIZE, 32 << 20),
    (resource.RLIMIT_NOFILE, 32),
    (resource.RLIMIT_NPROC, 0),
)


class Verdict(IntEnum):
    """How a child ends that was not killed."""

    MADE = 0
    NOT_AN_IMAGE = 64
    TOO_MANY_PIXELS = 65


def main(parent: int) -> Verdict:
    """Make every size, unless the process `parent` ends before. Nothing is decoded before its size is known."""
    isolate()
    die_with(parent)
    for kind, amount in LIMITS:
        lower(kind, amount, amount)
    warnings.simplefilter("ignore")
    # A head may lie about what a broken file holds; whatever Pillow makes of that, it is no picture.
    try:
        with Image.open(Path(ORIGINAL), formats=FORMATS) as image:
            if image.width * image.height > MAX_IMAGE_PIXELS:
                return Verdict.TOO_MANY_PIXELS
            image.draft("RGB", (max(ARTWORK_SIZES),) * 2)
            square = cut(image)
    except Image.DecompressionBombError:
        return Verdict.TOO_MANY_PIXELS
    except (OSError, ValueError, SyntaxError, MemoryError, EOFError):
        return Verdict.NOT_AN_IMAGE
    for size in ARTWORK_SIZES:
        square.resize((size, size), Image.Resampling.LANCZOS).save(
            f"{size}.jpg", "JPEG", quality=86, optimize=True, progressive=True
        )
    return Verdict.MADE


def cut(image: Image.Image) -> Image.Image:
    """The middle of a picture, upright, on white where it was transparent, without anything else the file held."""
    upright = ImageOps.exif_transpose(image).convert("RGBA")
    side = max(ARTWORK_SIZES)
    fitted = ImageOps.fit(upright, (side, side), Image.Resampling.LANCZOS)
    paper = Image.new("RGB", fitted.size, "white")
    paper.paste(fitted, mask=fitted.getchannel("A"))
    return paper


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
