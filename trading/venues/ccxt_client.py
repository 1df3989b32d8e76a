"""ccxt without its network: it builds, signs and parses; every byte leaves by our own hand.

One exchange class is loaded, in the gateway that needs it: ccxt's own ``import ccxt`` loads two
hundred and takes seconds that a restarted gateway does not have.
"""

import importlib
import importlib.util
import sys
import types
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from typing import Any, Generic, TypeVar, cast

from trading.venues.ccxt_http import Answer

Send = Callable[[str, str, Mapping[str, str], bytes], Awaitable[Answer]]
"""Method, URL, headers and body, written before the first turn of the loop."""
T = TypeVar("T")

_PACKAGES = ("ccxt", "ccxt.async_support", "ccxt.pro")


class CcxtMissingError(ImportError):
    """ccxt is not installed here, or knows no such exchange."""


def exchange_class(name: str) -> Any:
    """ccxt's class for one exchange. Raises CcxtMissingError, which says what to do."""
    try:
        _bare_packages()
        return getattr(importlib.import_module(f"ccxt.async_support.{name}"), name)
    except (ImportError, AttributeError) as error:
        raise CcxtMissingError(
            f"ccxt has no exchange {name} here ({error}): on hosts that run its gateway set"
            " HALTLINE_VENUES=ccxt, which installs requirements/venues.txt"
        ) from error


def stream_class(name: str) -> Any:
    """The class that has streams as well. Raises CcxtMissingError."""
    plain = exchange_class(name)
    setattr(sys.modules["ccxt.async_support"], name, plain)  # what it asks its package for
    try:
        return getattr(importlib.import_module(f"ccxt.pro.{name}"), name)
    except (ImportError, AttributeError) as error:
        raise CcxtMissingError(f"ccxt has no streams of {name} here ({error})") from error


def _bare_packages() -> None:
    """Its packages, without what their ``__init__`` loads: every exchange there is."""
    if "ccxt" in sys.modules:
        return
    for name in _PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.submodule_search_locations is None:
            sys.modules.pop("ccxt", None)
            raise ImportError(f"no package {name}")
        package = types.ModuleType(name)
        package.__path__ = list(spec.submodule_search_locations)
        package.__spec__ = spec
        sys.modules[name] = package
        if "." in name:
            setattr(sys.modules["ccxt"], name.partition(".")[2], package)
    for name in ("ccxt.base.errors", "ccxt.base.exchange"):  # what its own modules ask it for
        found = vars(importlib.import_module(name))
        vars(sys.modules["ccxt"]).update({k: v for k, v in found.items() if k[0].isupper()})


def venue_errors() -> tuple[type[Exception], ...]:
    """The root of what ccxt raises; nothing before its first use."""
    errors = sys.modules.get("ccxt.base.errors")
    return () if errors is None else (errors.BaseError,)


def client_of(
    exchange: str, base: str, key: str, secret: str, send: Send, *, known: Any = None
) -> Any:  # fmt: skip
    """An instance of ccxt's class ``exchange`` that reaches its host, ``base``, through ``send``.

    Numbers come as text, never as floats. Nothing is throttled, retried or fetched behind a call.
    ``known``: a class made of that one.
    """
    known = known or exchange_class(exchange)

    class Wired(known):  # type: ignore[misc]
        async def fetch(
            self, url: str, method: str = "GET", headers: Any = None, body: Any = None
        ) -> Any:
            raw = body.encode() if isinstance(body, str) else (body or b"")
            head = {**(headers or {}), "Accept-Encoding": "identity", "User-Agent": "haltline"}
            answer = await send(method, url, head, raw)
            text = answer.body.decode(errors="replace")
            said = self.parse_json(text)
            told = (answer.status, answer.reason, url, method, answer.headers, text)
            self.handle_errors(*told, said, head, body)
            self.handle_http_status_code(answer.status, answer.reason, url, method, text)
            return said if said is not None else text

        async def load_markets(self, reload: bool = False, params: Any = None) -> Any:
            return self.markets or await self.load_markets_helper()

        async def throttle(self, cost: Any = None) -> None:
            return None

    made = Wired(
        {
            "apiKey": key,
            "secret": secret,
            "enableRateLimit": False,
            "options": {"maxRetriesOnFailure": 0},
        }
    )
    made.number = str
    made.errors = venue_errors()
    made.quoteJsonNumbers = True
    for part, url in made.urls["api"].items():
        path = url.partition("://")[2].partition("/")[2]
        made.urls["api"][part] = f"{base}/{path}"
    return made


def begin(asked: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
    """Run ``asked`` up to its first wait, here and now; the coroutine that goes on from there.

    Raises what it raises before that wait.
    """
    try:
        first = asked.send(None)
    except StopIteration as done:
        return _done(done.value)
    return _rest(_Resumed(asked, first))


async def _done(value: T) -> T:
    return value


async def _rest(resumed: "_Resumed[T]") -> T:
    return await resumed


class _Resumed(Generic[T]):
    """A coroutine that was begun by hand, as something to await."""

    def __init__(self, asked: Coroutine[Any, Any, T], first: Any) -> None:
        self._asked = asked
        self._first: deque[Any] = deque([first])

    def __await__(self) -> Generator[Any, Any, T]:
        return cast("Generator[Any, Any, T]", self)

    def __iter__(self) -> "_Resumed[T]":
        return self

    def __next__(self) -> Any:
        return self.send(None)

    def send(self, value: Any) -> Any:
        return self._first.popleft() if self._first else self._asked.send(value)

    def throw(self, *error: Any) -> Any:
        self._first.clear()
        return self._asked.throw(*error)

    def close(self) -> None:
        self._asked.close()
