"""The runbooks' test calls: what they answer, who may make them, and where they are refused."""

import json
from typing import Any

import pytest

from audit.models import Entry
from console.stores import redis_client
from riskctl.holds import Mode
from tests.console.api.brakes import BrakesDesk, sent
from tests.console.api.conftest import PathAnswers, new_position, quoted
from tests.halting.test_control_contract import hold
from tests.support.desks import on_floor
from trading import streams
from trading.feeds.spec import FeedKind
from trading.models import Strategy, VenueAccount
from trading.strategies.specs import SignalMade, SignalNow
from trading.testcalls.wire import AskSignals, InjectPrice, PriceJudged

pytestmark = pytest.mark.django_db(transaction=True)

PRICE = {"symbol": "EURUSD", "bid": 1.0850, "ask": "1.0852"}
CALLS: dict[str, Any] = {
    "inject-price": PRICE, "generate-signal": {"symbol": "EURUSD"},
    "validate-signal": {"symbol": "EURUSD"}, "dry-run-order": None, "validate-test-signal": None,
}  # fmt: skip


def entries() -> list[tuple[str, str, dict[str, Any]]]:
    rows = Entry.objects.filter(action__startswith="test.").order_by("happened_at")
    return [(one.action, one.outcome, json.loads(bytes(one.body))["after"]) for one in rows]


def test_a_price_is_put_in_and_the_checks_word_is_answered(
    brakes: BrakesDesk, path_answers: PathAnswers
) -> None:
    client = brakes.token("trade-test")
    answer = sent(client, "/test/inject-price", PRICE, **{"Idempotency-Key": "once"}).json()
    assert path_answers.asked == [InjectPrice(0, 1_085_000_000, 1_085_200_000)]
    assert answer == {
        "symbol": "EURUSD", "bid": "1.085", "ask": "1.0852", "accepted": True, "refused_by": "",
        "detail": "", "tick": "1-1", "time": "2001-09-09T01:46:40.000000Z",
    }  # fmt: skip
    again = sent(client, "/test/inject-price", PRICE, **{"Idempotency-Key": "once"}).json()
    assert (again, len(path_answers.asked)) == (answer, 1)
    path_answers.judged = PriceJudged("crossed", "bid above ask", feed_time=10**18)
    refused = sent(client, "/test/inject-price", PRICE).json()
    assert (refused["accepted"], refused["refused_by"]) == (False, "crossed")
    said = [(action, outcome) for action, outcome, _ in entries()]
    assert said == [
        ("test.inject-price", "done"), ("test.price-judged", "done"),
        ("test.inject-price", "done"), ("test.price-judged", "failed"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "field"),
    [({"symbol": "NOPE"}, "symbol"), ({"bid": "1.0000000001"}, "bid"), ({"ask": "NaN"}, "ask"),
     ({"bid": True}, "bid"), ({"ask": 1e15}, "ask"), ({"bid": "99999999999"}, "bid"),
     ({"sizes": 1}, "sizes")],
    ids=["no instrument", "too fine", "no number", "a truth", "too large", "beyond a tick",
         "unknown"],
)  # fmt: skip
def test_what_is_no_price_is_refused_naming_the_field(
    brakes: BrakesDesk, path_answers: PathAnswers, change: dict[str, Any], field: str
) -> None:
    answer = sent(brakes.token("trade-test"), "/test/inject-price", PRICE | change)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert path_answers.asked == []


def test_signals_are_those_of_strategies_on_paper(
    brakes: BrakesDesk, path_answers: PathAnswers
) -> None:
    made = SignalMade("s-1", "mom-eurusd", "EURUSD", 1, 1.5, 0.8, 60.0, 1, 1, 10**18, 0, 5)  # type: ignore[arg-type]
    path_answers.signals = [SignalNow("mom-eurusd", True, made), SignalNow("live-one", True, made)]
    found = sent(brakes.token("trade-test"), "/test/generate-signal", {"symbol": "EURUSD"}).json()
    assert path_answers.asked == [AskSignals("EURUSD")]
    (one,) = found
    assert (one["id"], one["strategy"], one["direction"], one["confidence"], one["warm"]) == (
        "s-1", "mom-eurusd", 1, 0.8, True,
    )  # fmt: skip
    assert entries() == [("test.generate-signal", "done", {"directions": {"mom-eurusd": 1}})]


def test_a_signal_becomes_the_order_it_would_become(
    brakes: BrakesDesk, path_answers: PathAnswers, strategy: Strategy
) -> None:
    client = brakes.token("trade-test")
    body = {"signal_id": "test_123", "symbol": "EURUSD", "confidence": 0.8}
    answer = sent(client, "/test/validate-signal", body).json()
    assert (answer["approved"], answer["signal_id"]) == (True, "test_123")
    (one,) = answer["assessments"]
    assert (one["strategy"], one["side"], one["quantity"], one["allowed"]) == (
        "mom-eurusd", "buy", "92000", True,
    )  # fmt: skip
    new_position(strategy, "30000", "32550")
    sized = [
        [(one["side"], one["quantity"]) for one in sent(
            client, "/test/validate-signal", {"symbol": "EURUSD", "direction": way}
        ).json()["assessments"]]
        for way in ("long", "short", "flat")
    ]  # fmt: skip
    assert sized == [[("buy", "62000")], [("sell", "122000")], [("sell", "30000")]]
    brakes.gateway.holds["h"] = hold(Mode.HALTED)
    denied = sent(client, "/test/validate-test-signal").json()
    assert (denied["approved"], denied["assessments"][0]["code"]) == (False, "HELD")
    assert [one.side for one in brakes.gateway.tries] == ["buy", "buy", "sell", "sell", "sell"]
    assert entries()[-1][:2] == ("test.validate-signal", "done")


@pytest.fixture
def pair(brakes: BrakesDesk, path_answers: PathAnswers) -> Strategy:
    """Its first leg on paper-1, its second, in coarser lots, on paper-2."""
    made = Strategy.objects.create(
        key="arb-btc", kind="arbitrage", owner="tomas.brandt", account_id="paper-1",
        second_account_id="paper-2", symbols=["BTCUSDT", "BTCUSDT-PERP"], size_notional=50_000,
        parameters={},
    )  # fmt: skip
    on_floor(strategies=[made])
    return made


def test_each_leg_of_a_pair_is_asked_of_its_own_gateway_and_the_second_goes_the_other_way(
    brakes: BrakesDesk, pair: Strategy
) -> None:
    client = brakes.token("trade-test")
    asks = [{"symbol": one, "strategy": "arb-btc", "direction": "long"} for one in pair.symbols]
    quoted("BTCUSDT", "91199.99", "91200.01")
    unsized = sent(client, "/test/validate-signal", asks[0])
    assert (unsized.status_code, unsized.json()["field"]) == (400, "symbol")
    quoted("BTCUSDT-PERP", "91746.9", "91747.1")
    found = [
        (one["account"], one["symbol"], one["side"], one["quantity"])
        for said in asks
        for one in sent(client, "/test/validate-signal", said).json()["assessments"]
    ]
    assert found == [
        ("paper-1", "BTCUSDT", "buy", "0.54726"), ("paper-2", "BTCUSDT-PERP", "sell", "0.544"),
    ]  # fmt: skip
    assert [one.symbol for one in brakes.gateways["paper-1"].tries] == ["BTCUSDT"]
    dry = {"strategy": "arb-btc", "symbol": "BTCUSDT-PERP"}
    assert sent(client, "/test/dry-run-order", dry).json()["account"] == "paper-2"
    assert [one.symbol for one in brakes.gateways["paper-2"].tries] == ["BTCUSDT-PERP"] * 2


def test_a_pair_with_one_leg_on_a_live_account_is_not_asked_for_either(
    brakes: BrakesDesk, pair: Strategy
) -> None:
    client = brakes.token("trade-test")
    VenueAccount.objects.filter(name="paper-2").update(live=True)
    for symbol in pair.symbols:
        for call in ("validate-signal", "dry-run-order"):
            body = {"symbol": symbol, "strategy": "arb-btc"}
            refused = sent(client, f"/test/{call}", body)
            assert (refused.status_code, refused.json()["code"]) == (409, "test-account-live")
            assert refused.json()["detail"].startswith("paper-2:")
    first = sent(client, "/test/dry-run-order").json()
    assert first["strategy"] == "mom-eurusd"
    assert sent(client, "/test/validate-test-signal").json()["assessments"][0]["symbol"] == "EURUSD"
    assert brakes.gateways["paper-2"].tries == []


def test_a_dry_run_is_of_one_lot_of_the_first_strategy_unless_said(
    brakes: BrakesDesk, path_answers: PathAnswers
) -> None:
    client = brakes.token("trade-test")
    first = sent(client, "/test/dry-run-order").json()
    assert (first["strategy"], first["symbol"], first["side"], first["quantity"]) == (
        "mom-eurusd", "EURUSD", "buy", "1000",
    )  # fmt: skip
    assert (first["allowed"], first["gates"]) == (
        True, [{"name": "holds", "passed": True, "code": "", "text": ""}],
    )  # fmt: skip
    said = {"strategy": "mr-btcusdt", "side": "sell", "quantity": 0.5, "limit_price": "60000"}
    other = sent(client, "/test/dry-run-order", said).json()
    assert (other["account"], other["quantity"], other["limit_price"]) == (
        "paper-2",
        "0.5",
        "60000",
    )
    brakes.gateways["paper-2"].close()
    silent = sent(client, "/test/dry-run-order", said)
    assert (silent.status_code, silent.json()["code"]) == (503, "test-no-answer")
    unknown = sent(client, "/test/dry-run-order", {"strategy": "nobody"})
    assert (unknown.status_code, unknown.json()["field"]) == (400, "strategy")


def test_nothing_real_is_touched(brakes: BrakesDesk, path_answers: PathAnswers) -> None:
    client = brakes.token("trade-test")
    VenueAccount.objects.update(live=True)
    for call, body in CALLS.items():
        refused = sent(client, f"/test/{call}", body or {"symbol": "EURUSD"})
        assert (refused.status_code, refused.json()["code"]) == (409, "test-account-live"), call
    VenueAccount.objects.update(live=False)
    redis_client().set(streams.FEED_STATE, json.dumps({"kind": FeedKind.REPLAY}))
    for call in ("inject-price", "generate-signal"):
        refused = sent(client, f"/test/{call}", CALLS[call])
        assert refused.json()["code"] == "test-feed-not-simulated"
    assert (path_answers.asked, brakes.gateway.tries) == ([], [])
    assert {outcome for _, outcome, _ in entries()} == {"denied"}


def test_only_risk_sre_and_their_scope_make_them(
    brakes: BrakesDesk, path_answers: PathAnswers
) -> None:
    for call, body in CALLS.items():
        assert sent(brakes.token("read"), f"/test/{call}", body).status_code == 403
        denied = sent(brakes.person("mercy"), f"/test/{call}", body)
        assert denied.status_code == 403
        assert sent(brakes.person("jonas"), f"/test/{call}", body).status_code == 200, call
