"""What looks for mistakes finds them."""

from collections.abc import AsyncGenerator

from playwright.async_api import Page, async_playwright
import pytest
import pytest_asyncio
import pytest_socket

from dev.browser.browser import ARGUMENTS, CHROMIUM, PHONE, View

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("socket_enabled"),
    pytest.mark.xdist_group("browser"),
]

OVERLAPPING = (
    '<p style="position: absolute; top: 9px">One above another</p>'
    '<p style="position: absolute; top: 12px; left: 60px">Two of them</p>'
)
CLIP = "overflow: hidden; white-space: nowrap; width: 50px"
CUT = "overflow: hidden; text-overflow: ellipsis; white-space: nowrap; width: 40px"


@pytest_asyncio.fixture(loop_scope="module")
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
