"""With what a gateway begins: the database's facts, else those kept from when it last answered."""

import asyncio
import json
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

from riskctl.brakes_home import BrakesHome
from trading.gateway import facts
from trading.gateway.facts import AccountFacts, Ask, FactsError, facts_begin, facts_changed

ALPHA = AccountFacts("alpha", "Paper", "trading.venues.paper.PaperVenue", "127.0.0.1:1", False)
MOVED = replace(ALPHA, address="127.0.0.1:2")


@pytest.fixture
def home(tmp_path: Path) -> BrakesHome:
    made = BrakesHome(tmp_path / "brakes")
    made.create()
    return made


def answering(*answers: AccountFacts | FactsError) -> Ask:
    """Each ask gets the next answer; after the last there is none, for ever."""
    left = iter(answers)

    def ask() -> Future[AccountFacts]:
        future: Future[AccountFacts] = Future()
        match next(left, None):
            case AccountFacts() as found:
                future.set_result(found)
            case FactsError() as error:
                future.set_exception(error)
        return future

    return ask


def kept(home: BrakesHome) -> AccountFacts | None:
    return AccountFacts.kept(home, "alpha")


def test_what_the_database_says_counts_and_is_kept(home: BrakesHome) -> None:
    ALPHA.keep(home)
    assert facts_begin("alpha", home, answering(MOVED)) == (MOVED, True)
    assert kept(home) == MOVED


@pytest.mark.parametrize("answers", [[], [FactsError("alpha: refused")]], ids=["silent", "away"])
def test_without_the_database_what_was_kept_counts(
    home: BrakesHome, answers: list[FactsError]
) -> None:
    ALPHA.keep(home)
    assert facts_begin("alpha", home, answering(*answers)) == (ALPHA, False)


def test_without_the_database_and_nothing_kept_it_does_not_begin(home: BrakesHome) -> None:
    replace(ALPHA, name="beta").keep(home)
    with pytest.raises(FactsError, match="refused"):
        facts_begin("alpha", home, answering(FactsError("alpha: refused")))


@pytest.mark.parametrize("found", [ALPHA, MOVED], ids=["the same", "others"])
def test_it_asks_until_it_is_answered_and_tells_others_from_its_own(
    home: BrakesHome, monkeypatch: pytest.MonkeyPatch, found: AccountFacts
) -> None:
    monkeypatch.setattr(facts, "ASK_AGAIN_S", 0.0)
    ALPHA.keep(home)
    ask = answering(FactsError("away"), FactsError("away"), found)
    assert asyncio.run(facts_changed(ALPHA, home, ask)) is (found != ALPHA)
    assert kept(home) == found


def test_facts_kept_before_there_was_the_question_are_taken_for_live(home: BrakesHome) -> None:
    """It must offer what a stop's proofs rest on, until the database says otherwise."""
    ALPHA.keep(home)
    path = home.root / "accounts" / "alpha.json"
    body = json.loads(path.read_text())
    del body["live"]
    path.write_text(json.dumps(body))
    assert kept(home) == replace(ALPHA, live=True)
