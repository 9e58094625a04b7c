"""A real headless Chromium, where there is one (scripts/browser installs it)."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium_or_skip() -> str:
    """The program; skips the test, saying why, where it or its driver is missing."""
    pytest.importorskip("playwright", reason="no playwright here: run scripts/browser")
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium on this computer: run scripts/browser, or install it")
    return found


@asynccontextmanager
async def browser_page(origin: str, **context: Any) -> AsyncIterator[Any]:
    """A page in a fresh profile that can reach `origin` alone; `page.problems` collects what its
    console complains of, and what it asked of other servers.
    """
    from playwright.async_api import async_playwright  # noqa: PLC0415 (not everywhere)

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium_or_skip(), args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            page = await (await browser.new_context(**context)).new_page()
            page.problems = problems = []

            async def guard(route: Any) -> None:
                if route.request.url.startswith(origin):
                    await route.continue_()
                else:
                    problems.append(f"asked for {route.request.url}")
                    await route.abort()

            await page.route("**/*", guard)
            page.on("console", lambda m: problems.extend([m.text] if m.type == "error" else []))
            page.on("pageerror", lambda error: problems.append(str(error)))
            yield page
        finally:
            await browser.close()
