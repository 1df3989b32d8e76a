"""A document's stop-loss and drawdown limit stop its strategy, and only add to the desk's own."""

from decimal import Decimal
from typing import Any

import pytest

from riskctl.triggers.config import Environment
from riskctl.triggers.inforce import SettingError, changed, default_of, in_force
from riskctl.triggers.specs import DOCUMENT_DRAWDOWN, DOCUMENT_LOSS, SPECS
from tests.engines.documents import BASE, document
from tests.triggers.builders import plain_settings
from tests.triggers.test_money import STRATEGY, Book
from trading.engines import wanted
from trading.engines.bounds import Stops, controls_of
from trading.engines.reading import Bound, read_engine
from trading.models import EngineVersion
from trading.triggers.documents import documents_read
from trading.triggers.stops import Documents, used
from trading.triggers.stored import Past

D = Decimal
KEY = "mom-eurusd"


def book(loss: str | None = None, drawdown: str | None = None, **more: Any) -> Book:
    """Long 100,000 EURUSD at 1.10 on 500,000 of capital: 0.01 is 0.2 % of it."""
    made = Book(**more)
    stops = Stops(
        3,
        None if loss is None else Bound(True, D(loss), D(30)),
        None if drawdown is None else Bound(True, D(drawdown), D(3_600)),
    )
    made.rig.documents = Documents(1, {KEY: stops})
    return made


def levels(made: Book) -> list[tuple[str, str]]:
    return [(one.trigger, one.level) for one in made.rig.fired]


def test_a_stop_loss_warns_at_four_fifths_and_stops_with_its_reason() -> None:
    made = book(loss="0.005")
    made.price("1.1", times=10)
    made.price("1.0801", times=4)  # 1,990 of 500,000
    assert levels(made) == []
    made.price("1.08", times=3)  # 2,000: four fifths of a half percent
    assert levels(made) == [(DOCUMENT_LOSS, "warning")]
    made.price("1.075", times=3)
    assert levels(made)[1:] == [(DOCUMENT_LOSS, "breach")]
    firing = made.rig.fired[-1]
    assert (firing.scope, firing.value) == (STRATEGY, D(100))
    assert firing.reason == (
        "Stop-loss of its document: 100 % of its threshold, threshold 100 (TradingEngine mom-eurusd"
        " version 3 riskControls.stopLoss.threshold: 0.5% in 30 s, at most 0.5%)"
    )
    assert len(made.rig.places.calls) == 1
    assert made.rig.places.calls[0]["scope"] == STRATEGY


def test_what_was_lost_before_its_window_is_no_stop_loss() -> None:
    made = book(loss="0.005")
    made.price("1.1", times=10)
    for mid in ("1.095", "1.09", "1.085", "1.08", "1.075", "1.07"):
        made.price(mid, times=3, after_s=12)
    assert made.rig.breaches() == []
    assert made.value(DOCUMENT_LOSS, STRATEGY) == 20  # 500 of 2,500, within 30 s


def test_a_drawdown_is_of_equity_from_its_peak_in_the_look_back() -> None:
    made = book(drawdown="0.01")
    made.price("1.1", times=10)
    made.price("1.15", times=4, after_s=60)
    for mid in ("1.13", "1.11", "1.1"):
        made.price(mid, times=4, after_s=60)
    found = made.value(DOCUMENT_DRAWDOWN, STRATEGY)
    assert found == round(D(5_000) / D(505_000) * 10_000 - D("0.005"), 2)
    assert made.rig.breaches() == []
    assert made.price("1.0994", times=4, after_s=60) == [(DOCUMENT_DRAWDOWN, STRATEGY)]
    assert "drawdownLimit.maxDrawdown" in made.rig.fired[-1].reason


def test_the_desks_own_triggers_stay_whatever_a_document_says() -> None:
    made = book(loss="0.5", drawdown="0.9")
    made.price("1.1", times=10)
    assert made.price("1.05", times=3) == [("strategy-stop-loss", STRATEGY)]


def test_one_bad_quote_and_no_document_stop_nothing() -> None:
    made = book(loss="0.005", drawdown="0.005")
    made.price("1.1", times=10)
    made.price("0.9")
    assert made.price("1.1", times=50) == []
    assert not [one for one in Book().rig.standings() if one.trigger == DOCUMENT_LOSS]


def test_seconds_begin_anew_for_nobody_who_restarts() -> None:
    """The peak of before the process began is read from the line of PnL."""
    made = book(drawdown="0.01")
    made.rig.past = Past({STRATEGY: [(made.rig.wall_ns, D(6_000))]})
    made.price("1.1", times=3)
    assert made.rig.breaches() == [(DOCUMENT_DRAWDOWN, STRATEGY)]


def test_nothing_at_all_may_be_lost_of_a_threshold_of_nothing() -> None:
    nothing = Bound(True, D(0), D(60))
    assert used(D("0.0001"), nothing) > 100
    assert used(D(0), nothing) == 0
    assert used(D("0.0099999"), Bound(True, D("0.01"), D(60))) < 100


def test_nobody_sets_them_here_or_puts_them_in_shadow() -> None:
    for name in (DOCUMENT_LOSS, DOCUMENT_DRAWDOWN):
        now = default_of(SPECS[name])
        with pytest.raises(SettingError, match="document"):
            changed(now, {"threshold": "200"})
        looser = plain_settings(threshold=D(200)).settings[name]
        found = in_force([looser], Environment(), shadow_approved=True)
        assert found.settings[name].threshold == 100
        assert not SPECS[name].shadowable


def kept(number: int, said: object, **more: Any) -> EngineVersion:
    return EngineVersion.objects.create(
        name=KEY, number=number, text="", document=said, digest=str(number), made_by="m", **more
    )


@pytest.mark.django_db
def test_they_are_the_strictest_that_a_version_said() -> None:
    assert documents_read(Documents()).of(KEY) is None
    texts = [document(KEY), document(KEY).replace("1.0%", "0.5%")]
    texts.append(texts[1].replace("enabled: true", "enabled: false", 1))
    found = Documents()
    for number, text in enumerate(texts, 1):
        kept(number, read_engine(text).document)
        found = documents_read(found)
        stops = found.of(KEY)
        assert stops is not None
        assert stops.version == min(number, 2)
        config = read_engine(text)
        assert stops.loss == (config if number < 3 else read_engine(texts[1])).stop_loss
        assert stops.drawdown == config.drawdown
    assert found.look_back_s == 86_400
    assert documents_read(found) is found


@pytest.mark.django_db
def test_a_version_that_commits_after_a_later_one_is_seen() -> None:
    """Two strategies are changed at once: each counts on in its own transaction."""
    kept(2, read_engine(document(KEY)).document, id=11)
    found = documents_read(Documents())
    kept(1, read_engine(document(KEY).replace("1.0%", "0.5%")).document, id=10)
    stops = documents_read(found).of(KEY)
    assert stops is not None
    assert stops.loss == Bound(True, D("0.005"), D(60))


CONTROLS = BASE["spec"]["riskControls"]
LOSS, DRAWDOWN = CONTROLS["stopLoss"], CONTROLS["drawdownLimit"]


@pytest.mark.django_db
def test_what_else_is_refused_today_takes_no_stop_away() -> None:
    kept(1, {"spec": {"strategy": {"parameters": {"enter": 99}}, "riskControls": CONTROLS}})
    stops = documents_read(Documents()).of(KEY)
    assert stops == Stops(1, Bound(True, D("0.01"), D(60)), Bound(True, D("0.05"), D(86_400)))


@pytest.mark.parametrize(
    ("said", "unread"),
    [
        ({"riskControls": CONTROLS}, set()),
        ({"riskControls": {}}, set()),
        ({}, set()),
        ({"riskControls": {"stopLoss": {"enabled": False}}}, set()),
        ({"riskControls": {"stopLoss": {**LOSS, "threshold": "1"}}}, {"stopLoss"}),
        ({"riskControls": {"stopLoss": {**LOSS, "threshold": 1}}}, {"stopLoss"}),
        ({"riskControls": {"stopLoss": {**LOSS, "enabled": "no"}}}, {"stopLoss"}),
        ({"riskControls": {"stopLoss": {"threshold": "1%"}}}, {"stopLoss"}),
        ({"riskControls": {"stopLoss": None}}, {"stopLoss"}),
        ({"riskControls": {"drawdownLimit": {**DRAWDOWN, "lookbackPeriod": "1y"}}},
         {"drawdownLimit"}),
        ({"riskControls": []}, {"stopLoss", "drawdownLimit"}),
        (None, {"stopLoss", "drawdownLimit"}),
        ("spec", {"stopLoss", "drawdownLimit"}),
    ],
)  # fmt: skip
def test_stops_that_cannot_be_read_are_known_as_such(said: object, unread: set[str]) -> None:
    assert controls_of(said).unread == unread


def test_a_stop_that_nobody_can_read_closes_and_hides_no_breach_of_what_can_be() -> None:
    made = book(loss="0.005")
    stops = (made.rig.documents.stops or {})[KEY]
    made.rig.documents = Documents(1, {KEY: stops.tightened(4, controls_of(None))})
    assert made.price("1.1", times=300) == []
    assert made.value(DOCUMENT_LOSS, STRATEGY) is None
    assert set(made.price("1.075", times=3)) == {(DOCUMENT_LOSS, STRATEGY)}
    assert made.price("1.075", times=650)[1:] == [("component-down", "firm")]
    assert made.rig.fired[-1].detail.endswith(
        "TradingEngine mom-eurusd version 4 riskControls.drawdownLimit is unreadable"
    )


@pytest.mark.django_db
def test_two_people_replace_a_stop_that_nobody_can_read() -> None:
    """Nobody can say that what is wanted is no looser."""
    kept(1, {"spec": None})
    config = read_engine(document(KEY))
    found = {one.name: (one.now, one.way) for one in wanted._controls(config, None)}
    assert found == dict.fromkeys(("stop-loss", "drawdown-limit"), ("unreadable", wanted.Way.RAISE))
