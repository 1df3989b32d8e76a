"""The browser of the tests is a real one, whatever the machine has."""

import pytest
from playwright.sync_api import sync_playwright

from tests.support.browser import chromium_launch_options

PAGE = """
<!doctype html><title>before</title><h1>Halt line</h1>
<script>document.title = [1, 2, 3].map((one) => one * 2).join("-");</script>
"""


@pytest.mark.browser
@pytest.mark.parametrize("source", ["any", "package"])
def test_it_runs_scripts_and_draws_text(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if source == "package":
        monkeypatch.setattr("tests.support.browser._NAMES", ())
    with sync_playwright() as driver:
        browser = driver.chromium.launch(**chromium_launch_options())
        first, second = browser.new_context(), browser.new_context()  # two people at once
        for context in (first, second):
            page = context.new_page()
            page.set_content(PAGE)
            assert page.title() == "2-4-6"
            assert page.inner_text("h1") == "Halt line"
            box = page.locator("h1").bounding_box()
            assert box is not None
            assert box["height"] > 20  # no font, no height
        browser.close()
