"""Pictures that are small enough for a repository."""

from io import BytesIO
from pathlib import Path

from PIL import Image


def shrink(png: bytes, path: Path) -> None:
    """Write a picture with as few colours as nobody misses."""
    with Image.open(BytesIO(png)) as image:
        method = Image.Quantize.FASTOCTREE
        image.quantize(256, method=method).save(path, optimize=True)
