"""Pictures of a running wall, taken with Playwright and Debian's Chromium: for the README and for people who check."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ioc.errors import IocError
from ioc.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FIRST_FIGURES_MS = 15_000
# Chromium's sandbox needs rights that containers rarely have, and only our own page is opened.
CHROMIUM_OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium_path(named: str | None) -> str:
    """The Chromium to use: the one named, else the one on PATH. Raises IocError when there is none."""
    if named is not None:
        found = shutil.which(named)
        if found is None:
            raise IocError(f"IOC_CHROMIUM={named} is no program; set it to a Chromium or leave it out.")
        return found
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    raise IocError("Chromium is not installed; `apt-get install chromium` it, or name one with IOC_CHROMIUM.")


def size_of(text: str) -> tuple[int, int]:
    """`1920x1080` as width and height in pixels. Raises IocError for anything else."""
    match = re.fullmatch(r"(\d{2,5})x(\d{2,5})", text)
    if match is None:
        raise IocError(f"--size {text} is no size; write it as 1920x1080.")
    return int(match[1]), int(match[2])


@contextmanager
def browser(named: str | None) -> Iterator[Browser]:
    """A headless Chromium. Raises IocError when Playwright or Chromium is absent."""
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError as error:
        raise IocError("Playwright is not installed; install ioc-metrics with its extra `test`.") from error
    path = chromium_path(named)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_OPTIONS))
        try:
            yield opened
        finally:
            opened.close()


def take(settings: Settings, target: Path, size: str = "1920x1080", theme: str = "dark") -> Path:
    """Saves a PNG of the wall that `endpoints.json` names, once it shows figures; gives its path.

    Raises IocError when no wall runs, no figure comes in time, or Chromium is absent.
    """
    from playwright.sync_api import Error

    width, height = size_of(size)
    url = _running_wall(settings)
    target.parent.mkdir(parents=True, exist_ok=True)
    with browser(settings.chromium) as opened:
        page = opened.new_page(viewport={"width": width, "height": height})
        try:
            page.goto(f"{url}/?theme={theme}&lang={settings.lang}")
            page.wait_for_selector("#wall:not(.stopped) .tile .value", timeout=FIRST_FIGURES_MS)
            page.wait_for_selector(".flow canvas, .flow.hidden", state="attached", timeout=FIRST_FIGURES_MS)
            page.evaluate("document.fonts.ready.then(() => null)")
            page.screenshot(path=target)
        except Error as error:
            first = error.message.splitlines()[0]
            raise IocError(f"The wall at {url} gave no live picture; look at it in a browser: {first}") from error
    return target


def _running_wall(settings: Settings) -> str:
    try:
        url = json.loads(settings.endpoints_file.read_text("utf-8")).get("wall")
    except (FileNotFoundError, ValueError):
        url = None
    if not isinstance(url, str):
        raise IocError(f"No wall runs in {settings.home}; start one with `ioc wall`.")
    return url
