"""Recorded data and the document that backtests of the tests run on."""

import datetime as dt
import os
from pathlib import Path

from trading.backtest.run import Backtest, backtest
from trading.engines.reading import read_engine

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("HALTLINE_SHARED_DATA", ROOT.parent / "shared" / "data"))
BARS = DATA / "spy-1998-2021.bars-1h.csv.gz"
QUOTES = DATA / "eurusd-oanda-20140502.quotes.csv.gz"
SAMPLE = ROOT / "samples" / "trading-engine-momentum.yaml"


def one_month() -> Backtest:
    since, until = dt.date(2019, 1, 1), dt.date(2019, 2, 1)
    return backtest(read_engine(SAMPLE.read_bytes()), [BARS], since=since, until=until)
