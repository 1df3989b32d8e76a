"""Every page in its states: no rule of WCAG 2.2 AA broken, nothing complained, nothing sideways.

Pictures of the states are kept under var/pages, to be looked at by whoever changes a page.
"""

import datetime as dt
import itertools
import uuid

import pytest
from django.contrib.auth.models import User
from redis import Redis

from riskctl.approvals import approval_request
from riskctl.holds import RULES, Kind
from riskctl.models import Hold, Limit
from tests.approvals.people import person
from tests.audit.entries import new_entry
from tests.pages import matrix
from tests.pages.conftest import open_session
from tests.pages.engine import engine_laid
from tests.pages.frames import Publisher, alert_line, hold_line, strategy_line
from tests.pages.web import PICTURES, Chromium, Visitor, Web, visiting
from trading.models import Strategy

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_pairs_cover_what_they_say() -> None:
    chosen = list(matrix.states(matrix.by_pairs()))
    assert len(chosen) <= 96
    assert set(chosen) <= set(matrix.states(matrix.whole()))
    names = [one.name for one in matrix.PAGES]
    pairs = {
        (0, 3): itertools.product(names, matrix.WIDTHS),
        (0, 2): itertools.product(names, matrix.THEMES),
        (1, 2): itertools.product(matrix.ROLES, matrix.THEMES),
        (1, 3): itertools.product(matrix.ROLES, matrix.WIDTHS),
    }
    for (one, other), wanted in pairs.items():
        assert {(state[one], state[other]) for state in chosen} >= set(wanted)


@pytest.fixture
def told(staff: dict[str, User], books: list[Strategy], publisher: Publisher) -> dict[str, str]:
    """A desk on which much is as it should not be; the ids that addresses need."""
    rule = RULES[Kind.KILL]
    hold = Hold.objects.create(
        id=uuid.uuid4(), scope="strategy:mom-eurusd", kind=Kind.KILL, mode=rule.mode,
        cancels=rule.cancels, reason="quotes crossing", placed_by="mercy.okafor",
        actor_kind="person", placed_at=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=60),
    )  # fmt: skip
    engine_laid()
    Limit.objects.filter(scope="firm", kind="gross-notional").update(value=9000)
    asked = approval_request(
        kind="limit-raise", subject="limit:strategy:mom-eurusd/gross-notional",
        request={"value": "2500"}, actor=person("mercy.okafor", "trader", owns=("mom-eurusd",)),
        reason="room for the open",
    )  # fmt: skip
    new_entry("hold.place", 2, object_kind="hold", object_id=str(hold.id),
              correlation_id=str(hold.id), reason="a reason that no column holds " * 8,
              after={"scope": "strategy:mom-eurusd", "kind": "kill"})  # fmt: skip
    publisher.lines = [
        strategy_line(
            state="HALTED", mode="HALTED", own=True, holds=[hold_line(id=str(hold.id))],
            limit={"kind": "gross-notional", "share": "0.97"}, pnl="-31877.06",
            alerts=[alert_line(), alert_line("Signals are few", severity="info")],
        ),
        strategy_line(
            "mr-btcusdt", kind="mean-reversion", owner="tomas.brandt", account="paper-2",
            state="UNKNOWN", why="no price for BTCUSDT", data="stale", data_age_ms=38_000,
            stage={"rung": "paper", "factor": "0", "since": "2026-11-20T09:00:00Z"},
            limit={"kind": "open-orders", "share": "0.83"}, pnl=None,
            alerts=[alert_line("Slippage beyond its budget", severity="warning")],
        ),
    ]  # fmt: skip
    publisher.desk = {"waiting": 1, "waiting_mark": "a"}
    publisher.every_s, publisher.moving = 0.5, False
    return {"hold": str(hold.id), "approval": str(asked.id)}


class Looker:
    """Looks at loads, a browser context for each role and theme, a tab for each of those."""

    def __init__(self, chromium: Chromium, web: Web, staff: dict[str, User]) -> None:
        self._chromium, self._web, self._staff = chromium, web, staff
        self.found: list[str] = []
        self._framed: set[tuple[str, str, str]] = set()

    def look(self, loads: list[matrix.Load], ids: dict[str, str]) -> list[str]:
        """What was wrong, a line each."""
        for (role, theme), some in itertools.groupby(loads, lambda one: (one.role, one.theme)):
            key = open_session(self._staff[role]) if role in self._staff else ""
            with visiting(self._chromium, self._web.url, key) as visit:
                tab = visit("/sign-in", theme=theme, signed_in=bool(key))
                for one in some:
                    self._load(tab, one, ids)
        return self.found

    def _load(self, tab: Visitor, one: matrix.Load, ids: dict[str, str]) -> None:
        tab.complaints.clear()
        self._size(tab, one.widths[0])
        tab.go(self._web.url + one.page.at(one.theme).format(**ids))
        if one.page.live:
            try:
                tab.wait_for_state("live")
            except AssertionError as error:
                self.found.append(f"{one.page.name} {one.role} {one.theme}: {error}")
        for width in one.widths:
            self._size(tab, width)
            named = f"{one.page.name} {one.role} {one.theme} {width}"
            if width in one.judged:
                broken = tab.violations(contrast_of=self._unjudged(one, width))
                self.found += [f"{named}: {line}" for line in broken]
            if tab.sideways() > 0:
                self.found.append(f"{named}: {tab.sideways()} px wider than its window")
            tab.picture(PICTURES / f"{named.replace(' ', '-')}.jpeg")
        expected = ("status of 403",) if one.page.name == "forbidden" else ()
        self.found += [
            f"{one.page.name} {one.role} {one.theme}: {text}"
            for text in tab.complaints
            if not any(known in text for known in expected)
        ]

    def _unjudged(self, one: matrix.Load, width: str) -> str:
        """The frame's colours are judged on the first page of a role, theme and width."""
        state = (one.role, one.theme, width)
        if not one.page.live or state in self._framed:
            return "main *" if one.page.live else "*"
        self._framed.add(state)
        return "*"

    @staticmethod
    def _size(tab: Visitor, width: str) -> None:
        across, down = matrix.WIDTHS[width]
        tab.do(lambda page: page.set_viewport_size({"width": across, "height": down}))


@pytest.mark.timeout(300)
def test_pages_hold_by_pairs(
    web: Web, chromium: Chromium, staff: dict[str, User], told: dict[str, str], redis: Redis
) -> None:
    found = Looker(chromium, web, staff).look(matrix.by_pairs(), told)
    assert not found, "\n".join(found)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_pages_hold_in_every_state(
    web: Web, chromium: Chromium, staff: dict[str, User], told: dict[str, str], redis: Redis
) -> None:
    found = Looker(chromium, web, staff).look(matrix.whole(), told)
    assert not found, "\n".join(found)
