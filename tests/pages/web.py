"""A real web process and a real browser for the pages, on the test's own database and Redis."""

import contextlib
import http.client
import os
import signal
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from tests.support.browser import chromium_launch_options
from tests.support.processes import Started, start_python
from tests.support.roles import application_url
from workers.services.ports import free_port

T = TypeVar("T")
PROJECT = Path(__file__).resolve().parents[2]
PICTURES = PROJECT / "var" / "pages"
TOUCHED = 600
"""Up to this width a window is a phone's."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


class Web:
    """``console.server`` in a process of its own; ``changes`` are of its environment."""

    def __init__(self, home: Path, **changes: str) -> None:
        self.home = home
        self.port = free_port()
        self.tls = changes.get("HALTLINE_TLS") == "on"
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        self._changes = changes
        self._process: Started | None = None

    def start(self) -> None:
        """Raises AssertionError with the end of its log when it does not answer in 60 s."""
        environ = {
            **os.environ,
            "DATABASE_URL": application_url(),
            "REDIS_URL": settings.REDIS_URL,
            "HALTLINE_HOME": str(self.home),
            "HALTLINE_KEYS_FOLDER": str(settings.KEYS_FOLDER),
            "HALTLINE_SECRET_KEY": settings.SECRET_KEY,
            "HALTLINE_ENV": "demo",
            "DJANGO_SETTINGS_MODULE": "console.settings",
            **self._changes,
        }
        log = self.home.with_suffix(".log")
        with log.open("ab") as out:
            self._process = start_python(
                "-m", "tests.pages.serve", str(self.port), env=environ, stdout=out, stderr=out
            )
        end = time.monotonic() + 60
        while not self._answers():
            ended = self._process.poll() is not None
            if ended or time.monotonic() > end:
                raise AssertionError(log.read_text()[-3000:])
            time.sleep(0.05)

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(20)

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Killed within, and there again after it: what fails within is no other test's failure."""
        self.kill()
        try:
            yield
        finally:
            self.start()

    def send(self, how: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(how)

    def link(self) -> http.client.HTTPConnection:
        """A connection to it, whatever certificate it shows."""
        if self.tls:
            trusting = ssl._create_unverified_context()
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=trusting)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)

    def _answers(self) -> bool:
        link = self.link()
        try:
            link.request("GET", "/sign-in")
            return link.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            link.close()


class Chromium:
    """A browser in a thread of its own.

    Playwright's event loop runs in the thread that uses it; in the test's own thread Django would
    take every query for one of asynchronous code, on another connection.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="browser")
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._idle: dict[tuple[Any, ...], list[BrowserContext]] = {}

    def do(self, work: Callable[[], T]) -> T:
        """Do ``work`` in the browser's thread."""
        return self._thread.submit(work).result(60)

    def __enter__(self) -> "Chromium":
        self.do(self._start)
        return self

    def __exit__(self, *_: object) -> None:
        self.do(self._stop)
        self._thread.shutdown()

    def _start(self) -> None:
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(**chromium_launch_options())

    def _stop(self) -> None:
        assert self._browser is not None
        assert self._playwright is not None
        self._browser.close()
        self._playwright.stop()

    def lend(self, **options: Any) -> BrowserContext:
        """A context that nobody uses, without cookies. Call it in the browser's thread.

        It may have been used before and has our scripts, styles and fonts in its cache still, as
        the browser of somebody who comes again: reading them anew costs more than most tests.
        """
        assert self._browser is not None
        idle = self._idle.get(_key(options))
        return idle.pop() if idle else self._browser.new_context(**options)

    def take_back(self, context: BrowserContext, **options: Any) -> None:
        """Close its pages and forget what they kept. Call it in the browser's thread."""
        for page in context.pages:
            _forget_kept(page)
            page.close()
        context.clear_cookies()
        self._idle.setdefault(_key(options), []).append(context)


def _key(options: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(sorted((name, str(value)) for name, value in options.items()))


def _forget_kept(page: Page) -> None:
    """What scripts stored under the page's origin."""
    link = page.context.new_cdp_session(page)
    origin = "/".join(page.url.split("/")[:3])
    if origin.startswith("http"):
        kinds = "local_storage,indexeddb,service_workers,cache_storage"
        link.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": kinds})
    link.detach()


class Visitor:
    """One open page, and everything that it complained of."""

    def __init__(self, chromium: Chromium, context: BrowserContext, address: str) -> None:
        self._chromium = chromium
        self.complaints: list[str] = []
        self._page = chromium.do(lambda: self._open(context, address))

    def _open(self, context: BrowserContext, address: str) -> Page:
        page = context.new_page()
        page.on("console", lambda m: self._note(m.text) if m.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: self._note(str(error)))
        page.add_init_script(
            "addEventListener('securitypolicyviolation', e =>"
            " console.error('CSP ' + e.violatedDirective + ' ' + e.blockedURI))"
        )
        page.goto(address)
        return page

    def _note(self, text: str) -> None:
        self.complaints.append(text)

    def do(self, work: Callable[[Page], T]) -> T:
        return self._chromium.do(lambda: work(self._page))

    @property
    def title(self) -> str:
        return self.do(lambda page: page.title())

    def text(self, selector: str) -> str:
        """What is to be read at the first match."""
        return self.do(lambda page: page.locator(selector).first.inner_text())

    def count(self, selector: str) -> int:
        return self.do(lambda page: page.locator(selector).count())

    def visible(self, selector: str) -> bool:
        return self.do(lambda page: page.locator(selector).first.is_visible())

    def attribute(self, selector: str, name: str) -> str | None:
        return self.do(lambda page: page.locator(selector).first.get_attribute(name))

    def evaluate(self, script: str, argument: object = None) -> Any:
        return self.do(lambda page: page.evaluate(script, argument))

    def press_button(self, name: str) -> None:
        self.do(lambda page: page.get_by_role("button", name=name).click())

    def press_key(self, key: str) -> None:
        self.do(lambda page: page.keyboard.press(key))

    def go(self, address: str) -> None:
        self.do(lambda page: page.goto(address))

    def picture(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        quality = 80 if path.suffix == ".jpeg" else None
        self.do(lambda page: page.screenshot(path=path, quality=quality))

    def reload(self) -> None:
        self.do(lambda page: page.reload())

    def pause(self, seconds: float) -> None:
        """Let the page live on."""
        self.do(lambda page: page.wait_for_timeout(seconds * 1000))

    def wait_for_address(self, pattern: str, seconds: float = 20.0) -> None:
        self.do(lambda page: page.wait_for_url(pattern, timeout=seconds * 1000))

    def wait(self, expression: str, seconds: float = 20.0) -> float:
        """Wait for a JavaScript condition; the seconds it took."""
        begun = time.monotonic()
        # Not wait_for_function: it evaluates text in the page, which our CSP forbids.
        while not self._holds(expression):
            assert time.monotonic() < begun + seconds, f"not within {seconds} s: {expression}"
            self.pause(0.04)
        return time.monotonic() - begun

    def _holds(self, expression: str) -> bool:
        """Whether it is so; not yet, while the page goes over to another."""
        try:
            return bool(self.evaluate(expression))
        except PlaywrightError as error:
            if "context was destroyed" not in error.message:
                raise
            return False

    def wait_for_state(self, state: str, seconds: float = 20.0) -> float:
        """Wait until the connection pill is ``live``, ``late``, ``try`` or ``dead``."""
        return self.wait(f"document.getElementById('band')?.dataset.conn === '{state}'", seconds)

    def sideways(self) -> int:
        """Pixels by which the page is wider than its window."""
        width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.evaluate(width))

    @staticmethod
    def _axed(page: Page, contrast_of: str) -> list[dict[str, Any]]:
        """Axe is given to a page once: it costs as much as what it then does."""
        if page.evaluate("typeof window.axe") == "undefined":
            page.evaluate(Axe().axe_script)
        found = page.evaluate(
            """async ([only, selector]) => {
              // What still fades in has other colours than it will have.
              await Promise.all(document.getAnimations()
                .filter(one => one.playState === 'running')
                .filter(one => one.effect.getComputedTiming().endTime < 3000)
                .map(one => one.finished.catch(() => null)));
              axe.configure({rules: [{id: 'color-contrast', selector}]});
              const options = {runOnly: only, resultTypes: ['violations'], preload: false};
              return (await axe.run(document, options)).violations;
            }""",
            [RULES, contrast_of],
        )
        return list(found)

    def violations(self, *, contrast_of: str = "*") -> list[str]:
        """What axe finds, a line each. Contrast is half its work: ``contrast_of`` are those whose
        colours have not been judged where they stand now."""
        found = self.do(lambda page: self._axed(page, contrast_of))
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found
            for node in one["nodes"]
        ]


Visit = Callable[..., Visitor]


@contextlib.contextmanager
def visiting(chromium: Chromium, url: str, session_key: str) -> Iterator[Visit]:
    """Opens pages as the person of ``session_key``; closes them all at the end."""
    lent: list[tuple[BrowserContext, dict[str, Any]]] = []

    def open_context(theme: str, width: int, height: int, script: bool) -> BrowserContext:
        options = {
            "viewport": {"width": width, "height": height},
            "color_scheme": theme,
            "java_script_enabled": script,
            "has_touch": width <= TOUCHED,
            "ignore_https_errors": True,
        }
        context = chromium.lend(**options)
        lent.append((context, options))
        return context

    def visit(
        path: str, *, theme: str = "dark", width: int = 1440, height: int = 900,
        script: bool = True, signed_in: bool = True,
    ) -> Visitor:  # fmt: skip
        context = chromium.do(lambda: open_context(theme, width, height, script))
        if signed_in:
            cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session_key, "url": url}
            chromium.do(lambda: context.add_cookies([cookie]))  # type: ignore[list-item]
        return Visitor(chromium, context, url + path)

    try:
        yield visit
    finally:
        for context, options in lent:
            chromium.do(partial(chromium.take_back, context, **options))
