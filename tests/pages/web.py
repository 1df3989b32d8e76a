"""A real web process and a real browser for the pages, on the test's own database and Redis."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.db import connection
from playwright.sync_api import Browser, BrowserContext, Page

from workers.services.ports import free_port

PROJECT = Path(__file__).resolve().parents[2]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


class Web:
    """``console.server`` in a process of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Raises AssertionError with the end of its log when it does not answer in 60 s."""
        facts = connection.settings_dict
        database = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**facts)
        environ = {
            **os.environ,
            "DATABASE_URL": database,
            "REDIS_URL": settings.REDIS_URL,
            "HALTLINE_HOME": str(self.home),
            "HALTLINE_SECRET_KEY": settings.SECRET_KEY,
            "HALTLINE_ENV": "demo",
            "DJANGO_SETTINGS_MODULE": "console.settings",
        }
        log = self.home.with_suffix(".log")
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.pages.serve", str(self.port)],
                cwd=PROJECT, env=environ, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip
        end = time.monotonic() + 60
        while not self._answers():
            ended = self._process.poll() is not None
            assert time.monotonic() < end and not ended, log.read_text()[-3000:]
            time.sleep(0.05)

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(20)

    def _answers(self) -> bool:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            link.request("GET", "/sign-in")
            return link.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            link.close()


class Visitor:
    """One open page, and everything that it complained of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda m: self._note(m.text) if m.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: self._note(str(error)))
        page.add_init_script(
            "addEventListener('securitypolicyviolation', e =>"
            " console.error('CSP ' + e.violatedDirective + ' ' + e.blockedURI))"
        )

    def _note(self, text: str) -> None:
        self.complaints.append(text)

    def text(self, selector: str) -> str:
        return self.page.locator(selector).first.inner_text()

    def wait(self, expression: str, seconds: float = 5.0) -> float:
        """Wait for a JavaScript condition; the seconds it took."""
        begun = time.monotonic()
        self.page.wait_for_function(expression, timeout=seconds * 1000, polling=50)
        return time.monotonic() - begun

    def wait_for_state(self, state: str, seconds: float = 5.0) -> float:
        """Wait until the connection pill is ``live``, ``late``, ``try`` or ``dead``."""
        return self.wait(f"document.getElementById('band').dataset.conn === '{state}'", seconds)

    def sideways(self) -> int:
        """Pixels by which the page is wider than its window."""
        width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.page.evaluate(width))

    def violations(self) -> list[str]:
        """What axe finds, a line each."""
        found = Axe().run(self.page, options={"runOnly": RULES}).response["violations"]
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found
            for node in one["nodes"]
        ]


Visit = Callable[..., Visitor]


@contextlib.contextmanager
def visiting(browser: Browser, url: str, session_key: str) -> Iterator[Visit]:
    """Opens pages as the person of ``session_key``; closes them all at the end."""
    contexts: list[BrowserContext] = []

    def visit(
        path: str, *, theme: str = "dark", width: int = 1440, height: int = 900,
        script: bool = True, signed_in: bool = True, reduced: bool = False,
    ) -> Visitor:  # fmt: skip
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="light" if theme == "light" else "dark",
            java_script_enabled=script,
            reduced_motion="reduce" if reduced else "no-preference",
        )
        contexts.append(context)
        if signed_in:
            name = settings.SESSION_COOKIE_NAME
            context.add_cookies([{"name": name, "value": session_key, "url": url}])
        visitor = Visitor(context.new_page())
        visitor.page.goto(url + path)
        return visitor

    try:
        yield visit
    finally:
        for context in contexts:
            context.close()
