"""A receipt that grows: each step as the database gets it, until nothing is missing."""

import time
from collections.abc import Collection

import psycopg

from console.cli.bounded import Database, why
from console.cli.output import show_json, tell
from console.cli.receipts import Shown, step_show, steps_read
from riskctl.desk import BrakesDesk
from riskctl.holds import HoldFact, Mode

FOLLOW_S = 30.0
POLL_S = 0.2
PROOFS = frozenset({"acknowledged", "dead", "expired"})
"""Steps by which one gateway is proven."""


def missing(
    hold: HoldFact, steps: Collection[Shown], accounts: Collection[str], *, flattens: bool
) -> list[str]:
    """What the receipt of ``hold`` over ``accounts`` still lacks, in words."""
    named = {(one.name, one.account) for one in steps}
    lacks = [] if any(name == "effective" for name, _ in named) else ["effective"]
    wanted = []
    if hold.cancels or hold.mode is Mode.REDUCE_ONLY:
        wanted += [("none-open", one) for one in accounts]
    if flattens:
        wanted += [("flat", one) for one in accounts]
    return lacks + [f"{name} of {one}" for name, one in wanted if (name, one) not in named]


def given_up(steps: Collection[Shown]) -> set[str]:
    """What of ``missing`` will not come any more: flattening that ended before all was closed."""
    return {f"flat of {one.account}" for one in steps if one.name == "flatten-ended"}


class Follower:
    """Shows the steps of one hold on ``accounts`` (those that proofs name are added)."""

    def __init__(
        self,
        desk: BrakesDesk,
        hold: HoldFact,
        accounts: Collection[str],
        *,
        flattens: bool,
        as_json: bool,
    ) -> None:
        self._database = Database(desk)
        self._signer = desk.signer
        self._hold = hold
        self._accounts = set(accounts)
        self._flattens = flattens
        self._as_json = as_json
        self._seen: dict[str, Shown] = {}
        self._away = False

    def run(self, patience_s: float = FOLLOW_S) -> list[str]:
        """What is missing at the end; empty: the receipt is complete."""
        until = time.monotonic() + patience_s
        while True:
            self._look()
            lacks = missing(
                self._hold, self._seen.values(), sorted(self._accounts), flattens=self._flattens
            )
            if set(lacks) <= given_up(self._seen.values()) or time.monotonic() > until:
                return lacks
            time.sleep(POLL_S)

    def _look(self) -> None:
        try:
            found = steps_read(self._database, self._signer, self._hold.id)
        except (psycopg.Error, TimeoutError) as error:
            if not self._away:
                tell(f"the receipt cannot be read from the database, trying on: {why(error)}")
            self._away = True
            return
        self._away = False
        for step in found:
            if step.id not in self._seen:
                self._seen[step.id] = step
                self._show(step)
        self._accounts |= {one.account for one in found if one.name in PROOFS}

    def _show(self, step: Shown) -> None:
        if self._as_json:
            show_json(step.body(), line=True)
        else:
            step_show(step)
