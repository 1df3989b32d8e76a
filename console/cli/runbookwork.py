"""What ``compare-positions``, ``trading-latency`` and ``position-alerts`` do; exit codes."""

import datetime as dt
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

from console.cli.bounded import why
from console.cli.codes import Code, EndError
from console.cli.desk import desk_here, service
from console.cli.output import Form, show, show_json, show_table, tell
from trading.clock import utc_now

PROGRESS_S = 10
_SPANS = ("tick_to_send", "made_to_sent", "send_to_answer", "tick_to_answer", "send_to_fill")
_SHARES = ("p50_ms", "p95_ms", "p99_ms", "most_ms")
READING_LIFE_S = 30
"""Three readings: so long a gateway goes by what its venue said, too."""

Key = tuple[str, str]
T = TypeVar("T")


# Positions ----------------------------------------------------------------------------------------


def positions_compared(system: Path, broker: Path, output: Form) -> Code:
    """By account and symbol: strategies are netted, as the venue nets them."""
    ours, theirs, old = quantities(system), quantities(broker), readings_old(broker)
    found = [
        {
            "account": key[0], "symbol": key[1],
            "system": str(ours.get(key, Decimal(0))), "broker": str(theirs.get(key, Decimal(0))),
            "difference": str(ours.get(key, Decimal(0)) - theirs.get(key, Decimal(0))),
        }
        for key in sorted(ours.keys() | theirs.keys())
        if ours.get(key, Decimal(0)) != theirs.get(key, Decimal(0))
    ]  # fmt: skip
    compared = len({key for held in (ours, theirs) for key, value in held.items() if value})
    if output is Form.JSON:
        agree = None if old else not found
        show_json({"agree": agree, "compared": compared, "differences": found, "old": sorted(old)})
    else:
        if found:
            columns = ("account", "symbol", ">system", ">broker", ">difference")
            show_table(columns, [list(one.values()) for one in found])
        word = "UNKNOWN" if old else "DIFFER" if found else "AGREE"
        show(f"{word}  {len(found)} of {compared} positions differ")
    return Code.MISSED if found or old else Code.DONE


def readings_old(broker: Path) -> set[str]:
    """Accounts whose venue had not been asked for long when ``broker`` was saved; each is told.

    What a venue held then says nothing of what is held now. Raises EndError.
    """
    saved = dt.datetime.fromtimestamp(broker.stat().st_mtime, dt.UTC)
    found = set()
    for account, taken_at in sorted(_taken(broker).items()):
        age_s = None if taken_at is None else (saved - taken_at).total_seconds()
        if age_s is None or age_s > READING_LIFE_S:
            found.add(account)
            age = "at no known time" if age_s is None else f"{age_s:,.0f} s before it was saved"
            tell(f"{broker}: the venue of {account} was read {age}: what it holds is not known")
    return found


def _taken(broker: Path) -> dict[str, dt.datetime | None]:
    """Of each account the oldest reading; None where a row does not say."""
    found: dict[str, dt.datetime | None] = {}
    for one in json.loads(broker.read_text()):
        account, taken_at = str(one["account"]), None
        try:
            taken_at = dt.datetime.fromisoformat(str(one["taken_at"])).astimezone(dt.UTC)
        except (KeyError, ValueError):
            found[account] = None
            continue
        before = found.get(account, taken_at)
        found[account] = None if before is None else min(before, taken_at)
    return found


def quantities(path: Path) -> dict[Key, Decimal]:
    """Net quantity by account and symbol in what the REST API answered. Raises EndError."""
    try:
        rows = json.loads(path.read_text(), parse_float=Decimal)
        if not isinstance(rows, list):
            raise TypeError("it is no list")
        held: dict[Key, Decimal] = {}
        for number, one in enumerate(rows):
            key, quantity = _row(number, one)
            held[key] = held.get(key, Decimal(0)) + quantity
    except (OSError, ValueError, TypeError) as error:
        text = f"{path}: {why(error)}; save it from /api/positions or /api/broker-positions"
        raise EndError(Code.USAGE, text) from None
    return held


def _row(number: int, one: Any) -> tuple[Key, Decimal]:
    try:
        quantity = Decimal(str(one["quantity"]))
        if not quantity.is_finite():
            raise InvalidOperation
        return (str(one["account"]), str(one["symbol"])), quantity
    except (KeyError, TypeError, InvalidOperation):
        text = f"entry {number} has not account, symbol and a quantity that is a number"
        raise ValueError(text) from None


# Latency ------------------------------------------------------------------------------------------


def latency_measured(duration: int, target_ms: float, output: Form) -> Code:
    desk_here()
    execution = service("trading.selectors.execution")
    begun = utc_now()

    def asked(by: str) -> Any:
        return execution.Asked(begun, execution.By(by))

    def read(by: str) -> Any:
        return _read(lambda: execution.execution_times(asked(by)))

    def late() -> int:
        found = _read(lambda: execution.unanswered(asked("firm"), target_ms))
        return int(found.get("firm", 0))

    for left_s in _passing(duration, PROGRESS_S):
        if left_s:
            tell(f"{_said(read('firm'), late())}, {left_s:.0f} s left")
    firm, rows, unanswered = read("firm"), read("strategy"), late()
    worst = firm[0].tick_to_answer.p99_ms if firm else None
    reached = worst is not None and worst <= target_ms
    # What was never answered is in no percentile: over one in a hundred, and p99 is not known.
    reached = reached and unanswered * 100 <= firm[0].orders
    if output is Form.JSON:
        show_json(
            {
                "seconds": duration, "target_ms": target_ms, "p99_ms": worst, "reached": reached,
                "unanswered": unanswered,
                "firm": asdict(firm[0]) if firm else None, "strategies": [asdict(r) for r in rows],
            }
        )  # fmt: skip
    else:
        _show_times([*rows, *firm])
        word = "REACHED" if reached else "MISSED"
        show(f"{word}  {_said(firm, unanswered)}; the target is {target_ms:g} ms")
    return Code.DONE if reached else Code.MISSED


def _said(firm: list[Any], unanswered: int) -> str:
    if not firm:
        return "no order was sent"
    p99 = firm[0].tick_to_answer.p99_ms
    return (
        f"{firm[0].orders} orders, {unanswered} of them unanswered for longer than the target,"
        f" tick to answer p99 {'–' if p99 is None else f'{p99:.1f}'} ms"
    )


def _show_times(rows: Iterable[Any]) -> None:
    columns = ("of", "span", ">orders", *(f">{name.removesuffix('_ms')}, ms" for name in _SHARES))
    lines = [
        (one.name, name.replace("_", " "), span.count, *map(_ms, _shares(span)))
        for one in rows
        for name in _SPANS
        if (span := getattr(one, name)).count
    ]
    if lines:
        show_table(columns, lines)


def _shares(span: Any) -> list[float | None]:
    return [getattr(span, name) for name in _SHARES]


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


# Moves --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Move:
    """USD of unrealised PnL, ``was`` when it was said last or first seen."""

    at: str
    account: str
    strategy: str
    symbol: str
    quantity: str
    was: Decimal
    now: Decimal

    @property
    def by(self) -> Decimal:
        return self.now - self.was


@dataclass(slots=True)
class Moves:
    """What has moved by ``threshold`` since it was said last; one that was closed is forgotten."""

    threshold: Decimal
    _last: dict[tuple[str, str, str], Decimal] = field(default_factory=dict)

    def look(self, rows: Iterable[Any], at: str) -> Iterator[Move]:
        """``rows``: positions as trading.selectors has them. Of one without a price nothing is
        known now: what it moved meanwhile is said when its price is back."""
        there = {(one.account, one.strategy, one.symbol): one for one in rows}
        self._last = {key: was for key, was in self._last.items() if key in there}
        for key, one in sorted(there.items()):
            if one.unrealized_pnl is None:
                continue
            was = self._last.setdefault(key, one.unrealized_pnl)
            if was != one.unrealized_pnl and abs(one.unrealized_pnl - was) >= self.threshold:
                self._last[key] = one.unrealized_pnl
                yield Move(at, *key, f"{one.quantity.normalize():f}", was, one.unrealized_pnl)


def moves_watched(threshold: float, every: int, duration: int | None, output: Form) -> Code:
    desk_here()
    books, stores = service("trading.selectors"), service("console.stores")
    moves, said, blind, unwatched = Moves(Decimal(str(threshold))), 0, 0, False
    try:
        for _ in _passing(duration, every):
            rows = _read(lambda: books.positions(stores.redis_client(), open_only=True))
            unpriced = sum(one.unrealized_pnl is None for one in rows)
            unwatched |= unpriced > 0
            if unpriced != blind:
                blind = unpriced
                tell(f"{blind} of {len(rows)} open positions have no price and are not watched")
            for one in moves.look(rows, f"{utc_now():%H:%M:%S}"):
                said += 1
                _show_move(one, output)
    except KeyboardInterrupt:
        tell(f"{said} moves of {threshold:g} USD and more")
    return Code.MISSED if said or unwatched else Code.DONE


def _show_move(one: Move, output: Form) -> None:
    if output is Form.JSON:
        body: Mapping[str, Any] = {**asdict(one), "by": one.by}
        show_json({name: str(value) for name, value in body.items()}, line=True)
        return
    show(
        f"{one.at}  {one.account}  {one.strategy}  {one.symbol}  {one.quantity}"
        f"  unrealised {one.now:+,.2f} USD, moved {one.by:+,.2f}"
    )


# Both ---------------------------------------------------------------------------------------------


def _passing(duration: int | None, every: int) -> Iterator[float]:
    """Seconds left, now and each ``every`` seconds, until ``duration`` has passed; 0 at its end."""
    end = float("inf") if duration is None else time.monotonic() + duration
    while (left := end - time.monotonic()) > 0:
        yield left
        time.sleep(min(every, max(0.0, end - time.monotonic())))
    yield 0.0


def _read(run: Callable[[], T]) -> T:
    """Raises EndError where the desk does not answer."""
    away = service("django.db").Error
    try:
        return run()
    except away as error:
        text = f"the desk's database does not answer: {why(error)}"
        raise EndError(Code.UNREACHABLE, text) from error
