"""Ratios against published values: empyrical's test_stats (40f61b4f), EDHEC's funds of funds."""

import csv
import math
import os
from pathlib import Path
from typing import Any

import pytest

from trading.portfolio import ratios

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("HALTLINE_SHARED_DATA", ROOT.parent / "shared" / "data"))
NAN = float("nan")


def percent(*values: float) -> list[float]:
    return [value / 100 for value in values]


MIXED = percent(NAN, 1, 10, -4, 2, 3, 2, 1, -10)
POSITIVE = percent(1, 2, 1, 1, 1, 1, 1, 1, 1)
NEGATIVE = percent(0, -6, -7, -1, -9, -2, -6, -8, -5)
PLAIN = percent(0, 1, 10, -4, 2, 3, 2, 1, -10)


@pytest.mark.parametrize(
    ("figure", "returns", "expected"),
    [
        (ratios.sharpe, MIXED, 1.7238613961706866),
        (ratios.sharpe, POSITIVE, 52.915026221291804),
        (ratios.sharpe, NEGATIVE, -24.406808633910085),
        (ratios.volatility, MIXED, 0.9136465399704637),
        (ratios.annual_return, MIXED, 1.9135925373194231),
        (ratios.calmar, MIXED, 19.135925373194233),
        (ratios.sortino, MIXED, 2.605531251673693),
        (ratios.sortino, NEGATIVE, -13.532743075043401),
        (ratios.downside_risk, MIXED, 0.60448325038829653),
        (ratios.max_drawdown, MIXED, -0.1),
        (ratios.max_drawdown, POSITIVE, 0.0),
        (ratios.max_drawdown, NEGATIVE, -0.365907),
        (ratios.max_drawdown, percent(10, -10, 10), -0.1),
        (ratios.cumulative, MIXED, 0.0389311),
        (ratios.cumulative, NEGATIVE, -0.3659072),
    ],
)
def test_published_values(figure: Any, returns: list[float], expected: float) -> None:
    assert figure(returns) == pytest.approx(expected, rel=1e-5, abs=1e-12)


@pytest.mark.parametrize(
    ("periods", "volatility", "yearly"),
    [
        (52, 0.38851569394870583, 0.24690830513998208),
        (12, 0.18663690238892558, 0.052242061386048144),
    ],
)
def test_other_periods_of_the_year(periods: int, volatility: float, yearly: float) -> None:
    assert ratios.volatility(PLAIN, periods) == pytest.approx(volatility, rel=1e-9)
    assert ratios.annual_return(PLAIN, periods) == pytest.approx(yearly, rel=1e-9)


def edhec(name: str) -> list[float]:
    """293 monthly returns of one kind of hedge fund."""
    with (DATA / "edhec-monthly-returns.csv").open() as file:
        return [float(row[name]) for row in csv.DictReader(file)]


def test_the_drawdown_of_the_funds_of_funds() -> None:
    assert ratios.max_drawdown(edhec("Funds of Funds")) == pytest.approx(-0.2059, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "deviation"),
    [
        ("Convertible Arbitrage", 0.0167), ("CTA Global", 0.0227),
        ("Distressed Securities", 0.0181), ("Emerging Markets", 0.0327),
    ],
)  # fmt: skip
def test_the_deviation_of_kinds_of_funds(name: str, deviation: float) -> None:
    """PerformanceAnalytics prints it truncated to four digits."""
    returns = edhec(name)
    assert ratios.volatility(returns, 1) == pytest.approx(deviation, abs=1e-4)
    assert ratios.volatility(returns, 12) == pytest.approx(deviation * 12**0.5, abs=1e-3)


def test_a_year_s_sharpe_is_a_month_s_times_the_root_of_twelve() -> None:
    monthly = ratios.sharpe(PLAIN, 1)
    assert monthly is not None
    assert ratios.sharpe(PLAIN, 12) == pytest.approx(monthly * 12**0.5, rel=1e-12)


def test_the_drawdown_of_a_moving_window() -> None:
    found = [ratios.max_drawdown(NEGATIVE[at : at + 6]) for at in range(4)]
    assert found == pytest.approx([-0.2282, -0.2745, -0.2899, -0.2747], abs=1e-4)


@pytest.mark.parametrize(
    ("figure", "returns"),
    [
        (ratios.sharpe, percent(1, 1, 1, 1)), (ratios.sortino, POSITIVE),
        (ratios.sharpe, []), (ratios.sharpe, [0.01]),
    ],
)  # fmt: skip
def test_what_is_published_as_infinite_or_no_number_is_none(
    figure: Any, returns: list[float]
) -> None:
    assert figure(returns) is None


def test_what_has_no_value_is_none() -> None:
    flat = percent(1, 1, 1, 1)
    for figure in (ratios.sharpe, ratios.sortino, ratios.volatility):
        assert figure([]) is None
        assert figure([0.1]) is None
    assert ratios.sharpe(flat) is None
    assert ratios.sortino(flat) is None
    assert ratios.calmar(flat) is None
    assert ratios.max_drawdown([NAN]) is None
    assert ratios.annual_return([-1.5, 0.1]) is not None
    assert not math.isnan(ratios.sharpe(MIXED) or NAN)
