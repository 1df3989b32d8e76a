"""Pictures of the running desk for the documentation: ``make screenshots`` beside ``make up``.

Signs in as a demo trader, as a risk manager for what traders do not see, and saves
``docs/img/{page}-{dark,light}.png`` of every page at 1440 by 900, the stop's dialog, the desk and
what More holds on a phone, and the desk as three eyes see it. Stops nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Error, Page, StorageState, sync_playwright

from scripts.totp import STEP_S, totp
from tests.support.browser import chromium_launch_options

PROJECT = Path(__file__).resolve().parent.parent
DESKTOP, PHONE = (1440, 900), (390, 844)
PAGES = {
    "desk": "/",
    "pipeline": "/pipeline",
    "risk": "/risk",
    "holds": "/holds",
    "approvals": "/approvals",
    "strategy": "/strategies/mom-eurusd",
    "stop": "/",
    "security": "/security",
    "sessions": "/sessions",
    "tokens": "/tokens",
}
OF_RISK = {
    "limits": "/risk/limits",
    "triggers": "/risk/triggers/settings",
    "stop-losses": "/risk/stop-losses",
    "performance": "/performance",
    "engines": "/engines",
    "engine": "/engines/momentum-spy",
    "break-glass": "/break-glass",
    "audit": "/audit",
    "people": "/people",
    "access-review": "/access-review",
}
ALL = PAGES | OF_RISK
EYES = ("protanopia", "deuteranopia", "tritanopia")
LIVE_WITHIN_S = 20
SETTLE_S = {"pipeline": 40}
"""How long a live page is left alone first: the pipeline draws its heartbeats from then on."""
SETTLED_S = 2


def sign_in(browser: Browser, url: str, person: dict[str, Any]) -> StorageState:
    """Both steps, as a person does; the cookies of the session. Raises TimeoutError of Playwright.

    A code is good once: when somebody used this one, the next is waited for.
    """
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{url}/sign-in")
    page.get_by_label("User name").fill(person["username"])
    page.get_by_label("Password").fill(person["password"])
    page.locator("main form button").first.click()
    page.wait_for_url("**/sign-in/factor**")
    for attempt in range(3):
        if attempt:
            page.wait_for_timeout(1000 * (STEP_S + 1 - time.time() % STEP_S))
        page.get_by_label("Code").fill(totp(person["totp_secret"], time.time()))
        page.locator("main form button").first.click()
        page.wait_for_load_state()
        if "/sign-in" not in page.url:
            break
    else:
        raise SystemExit(
            f"{person['username']} was not let in: {page.locator('main').inner_text()}"
        )
    state = context.storage_state()
    context.close()
    return state


def wait_until_live(page: Page) -> None:
    """Until frames come. Raises SystemExit saying what the page says when none do."""
    end = time.monotonic() + LIVE_WITHIN_S
    while page.locator("#band").get_attribute("data-conn") != "live":
        if time.monotonic() > end:
            raise SystemExit(f"no live values: {page.locator('#banner').inner_text()}")
        page.wait_for_timeout(100)


@dataclass(frozen=True)
class Picture:
    """A page of ALL, or sign-in. ``eye``: one of EYES; ``more``: a phone's More is open."""

    name: str
    theme: str = "dark"
    size: tuple[int, int] = DESKTOP
    eye: str = ""
    more: bool = False

    @property
    def file(self) -> str:
        phone = "-phone" if self.size == PHONE else ""
        parts = [self.name + phone, "more" if self.more else "", self.eye, self.theme]
        return "-".join(part for part in parts if part) + ".png"


def wanted() -> list[Picture]:
    themes = ("dark", "light")
    return [
        *(Picture(name, theme) for name in (*ALL, "sign-in") for theme in themes),
        Picture("desk", size=PHONE),
        Picture("desk", size=PHONE, more=True),
        *(Picture("desk", eye=eye) for eye in EYES),
    ]


def take(browser: Browser, url: str, state: StorageState, one: Picture) -> bytes:
    context = browser.new_context(
        viewport={"width": one.size[0], "height": one.size[1]},
        color_scheme="light" if one.theme == "light" else "dark",
        storage_state=state if one.name in ALL else None,
    )
    page = context.new_page()
    if one.eye:
        link = context.new_cdp_session(page)
        link.send("Emulation.setEmulatedVisionDeficiency", {"type": one.eye})
    page.goto(url + ALL.get(one.name, "/sign-in"))
    if one.name in ALL:
        wait_until_live(page)
        page.wait_for_timeout(1000 * SETTLE_S.get(one.name, SETTLED_S))
    if one.name == "stop":
        page.keyboard.press("Control+.")
        page.wait_for_timeout(1000 * SETTLED_S)
    if one.more:
        page.locator(".nav-else summary").click()
    picture = page.screenshot()
    context.close()
    return picture


def main(arguments: list[str]) -> int:
    home = Path(os.environ.get("HALTLINE_HOME", "var"))
    parser = argparse.ArgumentParser(prog="make screenshots", description=__doc__)
    parser.add_argument("--demo", type=Path, default=home / "demo.json", help="of the desk")
    parser.add_argument("--out", type=Path, default=PROJECT / "docs" / "img")
    parser.add_argument("--person", default="", help="user name; the first trader by default")
    parser.add_argument("--only", nargs="*", default=[], help="pages; all by default")
    given = parser.parse_args(arguments)
    try:
        demo = json.loads(given.demo.read_text())
    except FileNotFoundError:
        print(f"{given.demo} is missing: run make up first", file=sys.stderr)
        return 2
    people = [one for one in demo["users"] if given.person in ("", one["username"])]
    if not people:
        print(f"no demo person is called {given.person!r}", file=sys.stderr)
        return 2
    risk = next(one for one in demo["users"] if "risk" in one["roles"])
    given.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium_launch_options())
        try:
            url = demo["url"]
            state, of_risk = sign_in(browser, url, people[0]), sign_in(browser, url, risk)
            for one in wanted():
                if given.only and one.name not in given.only:
                    continue
                file = given.out / one.file
                seen_by = of_risk if one.name in OF_RISK else state
                file.write_bytes(take(browser, url, seen_by, one))
                print(file)
        except Error as problem:
            first = str(problem).splitlines()[0]
            print(f"{demo['url']} cannot be pictured: {first}", file=sys.stderr)
            return 1
        finally:
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
