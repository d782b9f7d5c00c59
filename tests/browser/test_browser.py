"""What looks for mistakes finds them."""

from collections.abc import AsyncGenerator

from playwright.async_api import Page, async_playwright
import pytest
import pytest_asyncio
import pytest_socket

from dev.browser.browser import ARGUMENTS, CHROMIUM, PHONE, View

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("socket_enabled"),
]

OVERLAPPING = (
    '<p style="position: absolute; top: 9px">One above another</p>'
    '<p style="position: absolute; top: 12px; left: 60px">Two of them</p>'
)
CLIP = "overflow: hidden; white-space: nowrap; width: 50px"
CUT = "overflow: hidden; text-overflow: ellipsis; white-space: nowrap; width: 40px"

CONTENTS = (
    f'<div style="display: contents"><p style="{CUT}">Too long in no box</p></div>'
)
SLOTTED = (
    f'<div><template shadowrootmode="open"><p style="{CUT}"><slot></slot></p>'
    "</template><b>Too long in a slot</b></div>"
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page() -> AsyncGenerator[Page]:
    """Open an empty page."""
    pytest_socket.enable_socket()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=ARGUMENTS
        )
        yield await browser.new_page(viewport=PHONE)
        await browser.close()


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        ("<p>All is well</p>", []),
        (f'<p style="{CUT}">Too long for it</p>', ["cut: Too long for it"]),
        (f'<p style="{CUT}"><b>Too long inside</b></p>', ["cut: Too long inside"]),
        (
            f'<div style="{CLIP}"><span>Clipped without dots</span></div>',
            ["cut: Clipped without dots"],
        ),
        (CONTENTS, ["cut: Too long in no box"]),
        (SLOTTED, ["cut: Too long in a slot"]),
        (
            '<p style="position: absolute; left: 300px; width: 200px">Beside it</p>',
            ["outside: Beside it"],
        ),
        (
            OVERLAPPING,
            ["overlapping: One above another | Two of them"],
        ),
        (
            "<p>component.bytesflows.config.step</p>",
            ["raw key: component.bytesflows.config.step"],
        ),
        ("<p>Lost: {detail}</p>", ["raw key: Lost: {detail}"]),
        ("<hui-error-card></hui-error-card>", ["errors: hui-error-card: undefined"]),
        ("<script>nothing.is.there</script>", ["nothing is not defined"]),
        ("<script>console.error('of our own')</script>", ["of our own"]),
    ],
)
async def test_problems(page: Page, content: str, problems: list[str]) -> None:
    """Each kind of mistake is seen, and nothing else is."""
    view = View(page)
    await page.set_content(f"<body>{content}</body>")
    assert await view.problems() == problems


async def test_wrapped(page: Page) -> None:
    """A text of two lines is seen, and one beside something higher is not."""
    view = View(page)
    await page.set_content(
        '<body><p style="width: 60px">Two lines of text</p>'
        '<p><img style="height: 60px"><b>One line</b></p></body>'
    )
    assert await view.wrapped() == ["Two lines of text"]
