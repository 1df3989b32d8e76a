"""What a person sees: a fill on an open desk page, and HALTED after a hold, on a whole desk.

A browser has the desk open as a risk manager while twenty strategies trade. A fill's age is from
its row in the database to the count of fills on the page; a stop's from the end of the 0.8 s that
the button is held to *HALTED*, effective, in the band. The page's share of a core stands beside.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import CDPSession, Page, sync_playwright

from scripts.bench.bench_halt import lifted_after
from scripts.bench.report import Figure, write_report
from scripts.bench.swings import give_load, write_quotes
from scripts.screenshots import sign_in, wait_until_live
from tests.support.browser import chromium_launch_options
from tests.support.desk import Desk, running_desk

SWING_S = 1.44
FILE_S = 900.0
FILLS_S = 60.0
STOPS = 10
PATIENCE_S = 60.0

SEEN = """() => {
  window.seen = [];
  const box = document.querySelector('[data-figure=fees] [data-sub]');
  const look = () => seen.push([Date.now(), Number(box.textContent.replace(/\\D/g, ''))]);
  look();
  new MutationObserver(look).observe(box, {childList: true, characterData: true, subtree: true});
}"""
STOPPED = """() => {
  window.sentAt = window.haltedAt = 0;
  const button = document.getElementById('stop-hold');
  const band = document.getElementById('band');
  const word = document.querySelector('[data-band=sub]');
  new MutationObserver(() => {
    if (button.dataset.hold === 'sent') sentAt = performance.now();
  }).observe(button, {attributes: true});
  const look = () => {
    const proven = word.textContent.startsWith('Effective');
    if (sentAt && !haltedAt && proven && band.dataset.state === 'HALTED') {
      requestAnimationFrame(() => { haltedAt ||= performance.now(); });
    }
  };
  for (const node of [band, word]) {
    const what = {attributes: true, childList: true, characterData: true, subtree: true};
    new MutationObserver(look).observe(node, what);
  }
}"""


def main() -> list[Figure]:
    """Some three minutes; ``bench/screen.json``."""
    load = os.getloadavg()[0]
    folder = Path(tempfile.mkdtemp(prefix="haltline-bench-"))
    folder.chmod(0o755)  # PostgreSQL may run as another user
    try:
        quotes = folder / "swings.csv"
        write_quotes(quotes, FILE_S, SWING_S)
        with (
            running_desk(folder / "home", FEED=f"replay:{quotes}", REPLAY_SPEED="1") as desk,
            _open(desk) as page,
        ):
            pairs = give_load(desk)
            desk.wait_for(lambda: _rate(desk) > 5, PATIENCE_S, "trading")
            notes = f"{pairs} pairs trade; one page in Chromium without a screen"
            figures: list[Figure] = []
            for part in (_fills, _stops):
                figures += part(desk, page)
                write_report("screen", figures, notes=notes, load_before=load)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return figures


@contextmanager
def _open(desk: Desk) -> Iterator[Page]:
    """The desk page of somebody who sees every strategy and may stop the firm."""
    person = next(one for one in desk.demo["users"] if "risk" in one["roles"])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium_launch_options())
        try:
            state = sign_in(browser, desk.url, person)
            page = browser.new_context(storage_state=state).new_page()
            page.set_viewport_size({"width": 1440, "height": 900})
            page.goto(desk.url)
            wait_until_live(page)
            yield page
        finally:
            browser.close()


def _rate(desk: Desk) -> float:
    ((count,),) = desk.sql(
        "SELECT count(*) FROM trading_fill WHERE recorded_at > clock_timestamp() - interval '3 s'"
    )
    return float(count) / 3


def _fills(desk: Desk, page: Page) -> list[Figure]:
    link = page.context.new_cdp_session(page)
    link.send("Performance.enable", {"timeDomain": "threadTicks"})  # work, not waiting for it
    page.evaluate(SEEN)
    before = _busy(link)
    page.wait_for_timeout(FILLS_S * 1000)
    busy = _busy(link) - before
    seen: list[list[float]] = page.evaluate("seen")
    first, last = seen[0][1], seen[-1][1]
    rows = desk.sql("SELECT extract(epoch FROM recorded_at) FROM trading_fill ORDER BY recorded_at")
    ages = _ages([float(at) * 1e3 for (at,) in rows], seen, int(first), int(last))
    p50, p99 = np.percentile(ages, [50, 99])
    share = 100 * busy / FILLS_S
    return [
        Figure("a fill to an open desk page p50", float(p50), "ms"),
        Figure("a fill to an open desk page p99", float(p99), "ms", wanted="< 500 ms",
               met=bool(p99 < 500)),
        Figure("fills a second meanwhile", len(ages) / FILLS_S, "fills/s"),
        Figure("the page's main thread", share, "% of a core", wanted="< 30 %", met=share < 30),
    ]  # fmt: skip


def _busy(link: CDPSession) -> float:
    """Seconds that the page's main thread worked."""
    metrics: list[dict[str, Any]] = link.send("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


def _ages(booked: list[float], seen: list[list[float]], first: int, last: int) -> list[float]:
    """Of each fill after the ``first``: from its booking to the first count that has it."""
    ages, at = [], 0
    for number in range(first + 1, last + 1):
        while seen[at][1] < number:
            at += 1
        ages.append(seen[at][0] - booked[number - 1])
    return ages


def _stops(desk: Desk, page: Page) -> list[Figure]:
    took = []
    for _ in range(STOPS):
        page.evaluate(STOPPED)
        page.keyboard.press("Control+.")
        page.keyboard.press("3")  # the firm
        page.keyboard.press("p")  # which one person lifts
        page.locator("#stop-hold").hover()
        page.mouse.down()
        _wait(page, "window.sentAt > 0", PATIENCE_S)  # let go sooner, it is not sent
        page.mouse.up()
        _wait(page, "window.haltedAt > 0", PATIENCE_S)
        took.append(float(page.evaluate("haltedAt - sentAt")))
        with lifted_after(desk) as ids:
            ids += [str(one) for (one,) in desk.sql(
                "SELECT id FROM riskctl_hold h WHERE NOT EXISTS"
                " (SELECT 1 FROM riskctl_holdlift l WHERE l.hold_id = h.id) AND scope = 'firm'"
            )]  # fmt: skip
        page.keyboard.press("Escape")
        _wait(page, "document.getElementById('band').dataset.state !== 'HALTED'", PATIENCE_S)
    return [
        Figure("end of the hold to HALTED effective on screen, median",
               float(np.median(took)), "ms"),
        Figure("end of the hold to HALTED effective on screen, most", max(took), "ms",
               wanted="< 1,000 ms", met=max(took) < 1000),
    ]  # fmt: skip


def _wait(page: Page, expression: str, seconds: float) -> None:
    """Not wait_for_function: it evaluates text in the page, which the CSP forbids."""
    for _ in range(int(seconds * 20)):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"not within {seconds} s: {expression}")
