"""What a person does on the page at `/`, in a browser without a window."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Visit(Protocol):
    """Opens the page at a model, with the browser's own options."""

    def __call__(self, model: str, **options: Any) -> Any: ...


ANSWERED = "#shown > *, #problem:not([hidden])"


def start_browser() -> Iterator[Any]:
    """Yield a browser; skips the test where there is none."""
    if CHROMIUM is None:
        pytest.skip("a browser is needed: install Chromium")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="a browser's driver is needed: pip install playwright"
    )
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@contextmanager
def visits(browser: Any, url: str) -> Iterator[Visit]:
    """Yield a function that opens the page at a model; at the end the browser must have had nothing to complain of."""
    complaints: list[str] = []
    opened = []

    def open_page(model: str, **options: Any) -> Any:
        page = browser.new_page(**options)
        page.set_default_timeout(10_000)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{url}/#{model}")
        page.wait_for_selector("#models :checked", state="attached")
        opened.append(page)
        return page

    yield open_page
    for page in opened:
        page.close()
    # an answer of 400 is told by the browser itself
    assert [text for text in complaints if "the server responded with a status of 400" not in text] == []


def give(page: Any, content: bytes, name: str = "picture.png") -> None:
    """Choose a file as a person does, and wait for the answer."""
    page.set_input_files("#file", [{"name": name, "mimeType": "image/png", "buffer": content}])
    page.wait_for_selector(ANSWERED)


def ask(page: Any, text: str) -> None:
    """Type a question, ask it, and wait for the answer."""
    page.fill("#text", text)
    page.click("#ask")
    page.wait_for_selector(ANSWERED)
