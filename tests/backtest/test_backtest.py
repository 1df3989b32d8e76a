"""Backtests: the same every time, whole books, honest figures, and reports that stay."""

import datetime as dt
import gzip
import json
import random
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from riskctl.actors import Actor, NotAllowedError, shell_actor
from tests.backtest.files import BARS, QUOTES, SAMPLE
from tests.cli.shell import haltline
from tests.console.conftest import entries
from tests.engines.documents import document
from trading.backtest.data import DataError, load
from trading.backtest.drawing import BOTTOM, HEIGHT, TOP, line_svg
from trading.backtest.figures import DAY_NS, DayEquity, drawdowns
from trading.backtest.keeping import backtest_found, backtest_keep, backtests_of
from trading.backtest.path import play
from trading.backtest.report import body_of, line_of, page_of, report_write
from trading.backtest.resting import rests_of, rests_words
from trading.backtest.run import Assumed, Backtest, backtest, code_digest, fingerprint, setting_of
from trading.engines.problems import EngineInvalidError
from trading.engines.reading import EngineConfig, digest_of, read_engine
from trading.messages import Side
from trading.models import BacktestReport

D = Decimal
YEAR = {"since": dt.date(2008, 1, 1), "until": dt.date(2009, 1, 1)}
HEADER = "ts,symbol,open,high,low,close,volume"


def sample() -> EngineConfig:
    return read_engine(SAMPLE.read_bytes())


@pytest.fixture(scope="module")
def year() -> Backtest:
    return backtest(sample(), [BARS], **YEAR)  # type: ignore[arg-type]


def test_the_same_gives_the_same_orders_figures_and_digest(year: Backtest) -> None:
    again = backtest(sample(), [BARS], **YEAR)  # type: ignore[arg-type]
    assert again.orders == year.orders
    assert (again.digest, again.figures) == (year.digest, year.figures)
    assert year.figures.orders > 50
    assert year.bound["config"] == digest_of(sample().document)


def test_what_it_rests_on_is_in_the_digest(year: Backtest) -> None:
    dearer = backtest(sample(), [BARS], assumed=Assumed(slippage_bp=D(2)), **YEAR)  # type: ignore[arg-type]
    assert dearer.digest != year.digest
    assert dearer.orders == year.orders  # charged, not traded on
    extra = dearer.figures.turnover * D("1.5") / 10_000
    assert year.figures.pnl - dearer.figures.pnl == extra
    assert dearer.figures.slippage_bp == year.figures.slippage_bp + D("1.5")  # type: ignore[operator]
    changed = read_engine(SAMPLE.read_text().replace("enter: 0.6", "enter: 0.7"))
    other = backtest(changed, [BARS], **YEAR)  # type: ignore[arg-type]
    assert other.orders != year.orders
    assert other.bound["config"] != year.bound["config"]


def test_rows_taken_together_give_what_one_row_a_step_gives() -> None:
    cases: list[tuple[EngineConfig, Path, slice]] = [
        (sample(), BARS, slice(0, 1_500)),
        (read_engine(document("mr", type="mean-reversion", instruments=["EURUSD"],
                              parameters={"mean_s": 30.0, "rest_s": 60.0})),
         QUOTES, slice(3_000, 4_500)),
    ]  # fmt: skip
    for config, path, part in cases:
        spec, limits = setting_of(config, Assumed())
        whole = load([path], spread_bp=D(1))
        some = replace(whole, rows=whole.rows[part])
        together, singly = play([spec], limits, some), play([spec], limits, some, singly=True)
        assert together.result.fills
        assert fingerprint(together.result.orders) == fingerprint(singly.result.orders)
        assert together.result.signals == singly.result.signals
        assert (together.steps < 750, singly.steps) == (True, 1_500)


def test_bars_of_two_legs_are_judged_together(tmp_path: Path) -> None:
    lines, spot = [HEADER], 60_000.0
    begin = dt.datetime(2024, 8, 8, tzinfo=dt.UTC)
    for number in range(120):
        opened, spot = spot, spot * (1 + 0.003 * (-1) ** (number * number // 3))
        for symbol, more in (("BTCUSDT", 1.0), ("BTCUSDT-PERP", 1.0001)):
            both = [round(one * more, 1) for one in (opened, spot)]
            moment = (begin + dt.timedelta(minutes=number)).isoformat()
            lines.append(f"{moment},{symbol},{both[0]},{max(both)},{min(both)},{both[1]},1")
    file = tmp_path / "bars.csv"
    file.write_text("\n".join(lines))
    config = read_engine(document("arb", type="arbitrage", instruments=["BTCUSDT", "BTCUSDT-PERP"],
                                  parameters={"mean_s": 300.0, "warmup_ticks": 4}))  # fmt: skip
    spec, limits = setting_of(config, Assumed())
    played = play([spec], limits, load([file], spread_bp=D(1)))
    assert (played.result.signals, played.steps) == ([], 240)


def test_money_is_what_the_fills_say(year: Backtest) -> None:
    """PnL by cash alone: what was paid and received, fees and slippage, and what is still held."""
    config = sample()
    spec, limits = setting_of(config, Assumed())
    recorded = load([BARS], spread_bp=D(1), since_ns=_ns("2008-01-01"), until_ns=_ns("2009-01-01"))
    played = play([spec], limits, recorded)
    cash = held = value = D(0)
    for row in played.result.fills:
        sign = 1 if row.fill.side is Side.BUY else -1
        worth = row.fill.quantity * row.fill.price
        cash -= sign * worth + row.fill.fee
        held += sign * row.fill.quantity
        value += worth
    last = played.ticks[-1]
    mid = D(int(last["bid"]) + int(last["ask"])) / 2 / 10**9
    found = year.figures
    assert found.pnl == cash + held * mid - value * D("0.5") / 10_000
    assert (found.turnover, found.fills) == (value, len(played.result.fills))
    assert [one.day for one in found.days] == sorted(
        {int(t) // DAY_NS for t in played.ticks["time"]}
    )
    assert found.days[-1].equity == found.capital + found.pnl
    lowest = min(float(one.equity) for one in found.days)
    assert found.max_drawdown is not None
    assert found.max_drawdown <= lowest / float(found.capital) - 1


def _ns(day: str) -> int:
    return int(dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC).timestamp()) * 10**9


# Data ---------------------------------------------------------------------------------------------


def test_bars_become_two_quotes_each_and_what_is_wrong_is_counted(tmp_path: Path) -> None:
    file = tmp_path / "bars.csv.gz"
    lines = [
        HEADER,
        "2020-01-02T15:00:00Z,SPY,300.00,301.00,299.00,300.50,10",
        "2020-01-02T16:00:00Z,SPY,300.50,300.00,299.00,300.20,10",  # open above high
        "2020-01-02T17:00:00Z,SPY,300.20,301.00,300.00,300.90,10",
        "2020-01-02T18:00:00Z,NOPE,1,1,1,1,1",
        "2020-01-02T19:00:00,SPY,1,1,1,1,1",
        "x",
    ]
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    found = load([file], spread_bp=D(1))
    good = found.rows[~found.rows["malformed"]]["tick"]
    assert len(good) == 4
    times = [dt.datetime.fromtimestamp(int(one) / 1e9, dt.UTC) for one in good["time"]]
    assert [f"{one:%H:%M:%S}" for one in times] == ["15:00:00", "16:59:59", "17:00:00", "18:59:59"]
    assert (int(good["bid"][0]), int(good["ask"][0])) == (299_980_000_000, 300_020_000_000)
    assert {line: text[:6] for (_, line), text in found.faults.items()} == {
        3: "open a", 5: "symbol", 6: "ts: mu", 7: "1 fiel",
    }  # fmt: skip
    assert found.files[0].lines == 7


def test_files_that_are_no_data_say_so(tmp_path: Path) -> None:
    odd, empty = tmp_path / "odd.csv", tmp_path / "empty.csv"
    odd.write_text("a,b\n1,2\n")
    empty.write_text(HEADER + "\n")
    for paths, said in (
        ([odd], "line 1 is neither"), ([empty], "no quote of a known symbol"),
        ([BARS, QUOTES], "cannot be mixed"), ([tmp_path], "give a readable CSV file"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=said):
            load(paths, spread_bp=D(1))
    with pytest.raises(DataError, match="no quote of EURUSD in the data: it has SPY"):
        backtest(read_engine(document(instruments=["EURUSD"])), [BARS])
    for text, said in (
        (document(), "instruments: is missing"),
        (document(instruments=["SPY"], riskLimit="0%"), "there is nothing to test"),
    ):
        with pytest.raises(EngineInvalidError, match=said):
            backtest(read_engine(text), [BARS])


def test_quotes_that_are_all_refused_say_so(tmp_path: Path) -> None:
    crossed, config = tmp_path / "crossed.csv", tmp_path / "one.yaml"
    lines = [f"2014-05-02T00:00:0{second}Z,EURUSD,1.3871,1.3869,," for second in range(3)]
    crossed.write_text("\n".join(["ts,symbol,bid,ask,bid_size,ask_size", *lines, ""]))
    text = document(instruments=["EURUSD"])
    with pytest.raises(DataError, match=r"^every quote was refused: 3 crossed$"):
        backtest(read_engine(text), [crossed])
    config.write_text(text)
    said = haltline(tmp_path, "backtest", "-c", str(config), "-d", str(crossed))
    assert (said.code, "every quote was refused" in said.err) == (4, True)


# Reports ------------------------------------------------------------------------------------------


def test_the_page_stands_alone_and_the_json_says_the_same(year: Backtest, tmp_path: Path) -> None:
    data, page = report_write(year, tmp_path / "deep" / "report")
    body: dict[str, Any] = json.loads(data.read_text())
    assert body["figures"]["sharpe"] == pytest.approx(year.figures.sharpe, abs=1e-6)
    assert len(body["equity"]) == len(year.figures.days)
    assert body["bound"]["data"][0]["name"] == BARS.name
    rests = dict(rests_of(body, code_digest()))
    assert rests["Assumed: extra slippage, bp"] == "0.5"
    assert rests["Code"] == f"{code_digest()[:12]}, of this release"
    assert rests_words(body).startswith(f"on {BARS.name} {rests[f'Data: {BARS.name}'][-12:]}; ")
    text = page.read_text()
    assert text.count("<svg") == 2
    assert "<script" not in text
    assert "http" not in text
    for part in (year.digest, year.orders, "Sharpe ratio", "Hit ratio", "Turnover"):
        assert part in text
    assert page_of(year) == text


def test_a_line_keeps_its_ends_and_its_peaks() -> None:
    days = list(range(10_000))
    values = [0.0] * 10_000
    values[5_003] = -0.5
    drawn = line_svg("Fall", days, values, unit="%")
    assert drawn.count(",") < 1_500
    heights = [float(one.split(",")[1]) for one in drawn.split('points="')[1].split('"')[0].split()]
    assert max(heights) == pytest.approx(TOP + (HEIGHT - TOP - BOTTOM) * 5 / 6, abs=0.1)
    assert ">\N{MINUS SIGN}60.0 %<" in drawn
    assert "1970-01-01" in drawn
    assert line_svg("Flat", [1], [2.0], unit="USD").count("<polyline") == 1


@pytest.mark.parametrize("count", [505, 1_201, 6_000])
def test_a_kept_line_falls_as_deep_as_its_figure(count: int) -> None:
    chance, equity = random.Random(count), [D(1_000)]
    for _ in range(count - 1):
        equity.append(equity[-1] + chance.randint(-9, 9))
    equity[count // 2 | 1] = min(equity) / 2  # one odd day
    days = [DayEquity(at * 2, value) for at, value in enumerate(equity)]
    line = line_of(days, D(1_000))
    assert len(line) <= 1_300
    assert line == sorted(line)
    assert [line[0][0], line[-1][0]] == [0, days[-1].day]
    assert min(fall for *_, fall in line) == round(min(drawdowns(days, D(1_000))), 6)
    kept = [D(value) for _, value, _ in line]
    assert (min(kept), max(kept)) == (min(equity), max(equity))


@pytest.mark.django_db
def test_a_report_is_kept_once_for_ever_and_found_by_its_document(year: Backtest) -> None:
    actor = shell_actor("quant")
    row = backtest_keep(done=year, actor=actor, reason="first look")
    assert backtest_keep(done=year, actor=actor) == row
    assert backtests_of("momentum-spy", year.bound["config"]) == [row]
    assert backtests_of("momentum-spy", "0" * 64) == []
    assert backtest_found("momentum-spy", row.digest[:12]) == row
    assert backtest_found("momentum-spy", "0" * 12) is None
    figures = year.figures
    line = line_of(figures.days, figures.capital)
    assert row.body == {**body_of(year, days=False), "line": line}
    fall = round(drawdowns(figures.days, figures.capital)[-1], 6)
    assert line[-1] == [figures.days[-1].day, f"{figures.days[-1].equity:.2f}", fall]
    assert min(fall for *_, fall in row.body["line"]) == row.body["figures"]["max_drawdown"]
    row.refresh_from_db()
    assert (row.first_day, row.last_day) == (dt.date(2008, 1, 2), dt.date(2008, 12, 31))
    (entry,) = entries("engine.backtest")
    assert entry["after"]["digest"] == year.digest
    with pytest.raises(NotAllowedError, match="gave other orders before"):
        backtest_keep(done=replace(year, orders="0" * 64), actor=actor)
    with pytest.raises(NotAllowedError, match="a person keeps"):
        backtest_keep(done=year, actor=Actor(kind="token", name="t"))
    for change in (
        "UPDATE trading_backtestreport SET name = 'x'",
        "DELETE FROM trading_backtestreport",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change.format("trading_backtestreport"))
    assert BacktestReport.objects.count() == 1


def test_the_command_runs_without_a_desk_and_says_what_is_wrong(tmp_path: Path) -> None:
    span = ("--from", "2019-01-01", "--to", "2019-07-01")
    common = ("backtest", "--config", str(SAMPLE), "--data", str(BARS))
    said = haltline(tmp_path, *common, *span, "--report", str(tmp_path / "out"), "-o", "json")
    assert (said.code, said.json["kept"]) == (0, False), said.err
    assert said.json["first_day"] == "2019-01-02"
    assert "100 % of" in said.err
    assert "the report is not kept: no desk's home at" in said.err
    assert all(Path(path).is_file() for path in said.json["files"])
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(SAMPLE.read_text().replace("medium", "never"))
    refused = haltline(tmp_path, "backtest", "-c", str(wrong), "-d", str(BARS))
    assert (refused.code, "spec.strategy.frequency" in refused.err) == (4, True)
