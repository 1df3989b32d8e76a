"""The strategy page's three charts at 10,000 points each: drawing times and frames in a browser.

The page's own modules and style sheets from a bare file server, drawn four times a second as live
frames draw them. The floor is the same page without a chart.
"""

import functools
import http.server
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright

from scripts.bench.report import Figure, write_report
from tests.support.browser import chromium_launch_options
from workers.supervisor.assets import vendor_files

PROJECT = Path(__file__).resolve().parents[2]
POINTS, SECONDS = 10_000, 12.0
LATE_MS = 50.0
"""Three frames of a 60 Hz screen: what a hand on the mouse notices."""
WANTED_MS = 16.7
_PAGE = """<!doctype html><html lang="en" data-theme="dark"><head><meta charset="utf-8">
<link rel="stylesheet" href="/static/css/tokens.css">
<link rel="stylesheet" href="/static/css/base.css">
<link rel="stylesheet" href="/static/css/chart.css"><script type="module" src="/charts.js"></script>
</head><body><div class="charts" id="charts"><div class="chart-box chart-pnl" id="chart-pnl"></div>
<div class="chart-box chart-down" id="chart-down"></div>
<div class="chart-box chart-price" id="chart-price"></div></div></body></html>
"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@contextmanager
def _served() -> Iterator[str]:
    """The page and its assets on a port of this machine."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "static").mkdir()
        for part in ("js", "css"):
            (root / "static" / part).symlink_to(PROJECT / "static" / part)
        for target, source in vendor_files(PROJECT).items():
            at = root / "static" / target
            at.parent.mkdir(parents=True, exist_ok=True)
            at.symlink_to(source)
        (root / "charts.js").symlink_to(PROJECT / "scripts" / "bench" / "charts.js")
        (root / "index.html").write_text(_PAGE)
        handler = functools.partial(_Quiet, directory=folder)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


def _measured(page: Page, url: str, points: int, seconds: float) -> dict[str, list[float]]:
    page.goto(url)
    found: dict[str, list[float]] = page.evaluate(
        "async ([points, seconds]) => {"
        " while (!window.measure) await new Promise(requestAnimationFrame);"
        " return measure(points, seconds); }",
        [points, seconds],
    )
    return found


def main(seconds: float = SECONDS) -> list[Figure]:
    """Measure, write the report and give its figures."""
    load = os.getloadavg()[0]
    with _served() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium_launch_options())
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        bare = _measured(page, url, 0, seconds)["frames"]
        full = _measured(page, url, POINTS, seconds)
        browser.close()
    draws, frames = full["draws"], full["frames"]

    def at(values: list[float], percent: int) -> float:
        return float(np.percentile(values, percent))

    median = at(draws, 50)
    late, floor = (100 * sum(one > LATE_MS for one in some) / len(some) for some in (frames, bare))
    figures = [
        Figure(f"drawing three charts of {POINTS:,} points, p50", median, "ms",
               wanted=f"within a frame, {WANTED_MS} ms", met=median <= WANTED_MS),
        Figure("the same, p99", at(draws, 99), "ms"),
        Figure("between two frames meanwhile, p50", at(frames, 50), "ms", at(bare, 50),
               "no chart on the page"),
        Figure("the same, p99", at(frames, 99), "ms", at(bare, 99), "no chart on the page"),
        Figure(f"frames later than {LATE_MS:.0f} ms", late, "%", floor or None,
               "no chart on the page" if floor else ""),
    ]  # fmt: skip
    write_report("charts", figures, notes="headless, no graphics card; four drawings a second",
                 load_before=load)  # fmt: skip
    return figures
