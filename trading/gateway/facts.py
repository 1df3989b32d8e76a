"""What a gateway must know of its account before it can do anything, with or without a database.

A gateway that was killed must cancel again within a second, so a silent database is not waited
for: it starts from what was kept on disk when the database last answered, and compares later.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict, dataclass

import structlog

from riskctl.brakes_home import BrakesHome, read_json, write_json

log = structlog.get_logger(__name__)

DATABASE_S = 0.3
"""How long the database is waited for when the account's facts are known from before."""
ASK_AGAIN_S = 1.0


class FactsError(Exception):
    """The database does not answer, or has no such account; ``str`` says which."""


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """Of one venue account; ``rehearsal``: others' strategies trade here while they climb back.

    ``live``: its orders reach a real venue, which must offer what the proofs of a stop rest on.
    ``margin``: it may owe and be short; else it is a cash account.
    """

    name: str
    venue: str
    adapter: str
    address: str
    rehearsal: bool
    live: bool = False
    margin: bool = True

    def keep(self, home: BrakesHome) -> None:
        """Raises OSError."""
        folder = home.root / "accounts"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_json(folder / f"{self.name}.json", asdict(self))

    @classmethod
    def kept(cls, home: BrakesHome, name: str) -> "AccountFacts | None":
        body = read_json(home.root / "accounts" / f"{name}.json")
        # Written before there was the question: until the database answers it is taken for live.
        return None if body is None else cls(**{"live": True, **body})


Ask = Callable[[], "Future[AccountFacts]"]
"""Begins to ask the database; the future may raise FactsError. Nobody need wait for it."""


def facts_begin(name: str, home: BrakesHome, ask: Ask) -> tuple[AccountFacts, bool]:
    """The account's facts, and whether the database said them just now. Raises FactsError."""
    kept = AccountFacts.kept(home, name)
    try:
        found = ask().result(None if kept is None else DATABASE_S)
    except (FactsError, TimeoutError) as error:
        if kept is None:
            raise
        why = str(error) or f"no answer in {DATABASE_S} s"
        log.warning("gateway.starts-without-database", account=name, error=why)
        return kept, False
    found.keep(home)
    return found, True


async def facts_changed(begun_with: AccountFacts, home: BrakesHome, ask: Ask) -> bool:
    """Asks until the database answers; whether its facts are others. They are kept if so."""
    while True:
        try:
            found = await asyncio.wrap_future(ask())
        except FactsError as error:
            log.warning("account.not-compared", account=begun_with.name, error=str(error))
            await asyncio.sleep(ASK_AGAIN_S)
            continue
        if found == begun_with:
            return False
        found.keep(home)
        log.error("account.changed", account=found.name, was=begun_with.address, now=found.address)
        return True
