"""Render the brand images: see `scripts/brand`."""

import asyncio
from pathlib import Path
import re
from typing import Final

from playwright.async_api import Page, ViewportSize, async_playwright

from dev import PACKAGE, ROOT

from .browser import ARGUMENTS, CHROMIUM
from .images import shrink

SOURCES: Final = ROOT / "brand"
IMAGES: Final = PACKAGE / "brand"
SIZES: Final = {"icon": (256, 256), "logo": (487, 128)}
"""Home Assistant wants no margins. Each is there in double size, too."""
# What carries the picture on a light and on a dark page.
STYLES: Final = {
    "": "color: #1c2b3a",
    "dark_": "color: #fff; --ground: #2aa6cf",
}


def image(name: str) -> str:
    """Return the vector source of an image, complete in itself."""
    source = (SOURCES / f"{name}.svg").read_text(encoding="utf-8")
    icon = (SOURCES / "icon.svg").read_text(encoding="utf-8")
    inner = re.sub(r"^<svg[^>]*>|</svg>\s*$", "", icon)
    return source.replace(
        '<svg width="256" height="256"><!-- icon --></svg>',
        f'<svg width="256" height="256">{inner}</svg>',
    )


async def main() -> None:
    """Render all of them."""
    IMAGES.mkdir(exist_ok=True)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=ARGUMENTS
        )
        for scale, suffix in ((1, ""), (2, "@2x")):
            page = await browser.new_page(device_scale_factor=scale)
            for name, size in SIZES.items():
                for prefix, style in STYLES.items():
                    path = IMAGES / f"{prefix}{name}{suffix}.png"
                    await _render(page, image(name), style, size, path)
        await browser.close()


async def _render(
    page: Page, source: str, style: str, size: tuple[int, int], path: Path
) -> None:
    """Render one image on a transparent background."""
    width, height = size
    await page.set_viewport_size(ViewportSize(width=width, height=height))
    body = f'<body style="margin: 0; {style}">{source}</body>'
    await page.set_content(body.replace("<svg ", '<svg style="display:block" ', 1))
    shrink(await page.screenshot(omit_background=True), path)


if __name__ == "__main__":
    asyncio.run(main())
