"""The momentum sample over 23 years of hourly bars, through the whole path in lock-step.

Beside it, in the same run, the ingestor, the indicators and the strategy alone over the same
quotes: what no backtest of this path can do without.
"""

import os
import time
from decimal import Decimal
from pathlib import Path

from scripts.bench.report import Figure, write_report
from trading.backtest.data import load
from trading.backtest.path import scouted
from trading.backtest.run import Assumed, backtest, setting_of
from trading.engines.reading import read_engine

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("HALTLINE_SHARED_DATA", ROOT.parent / "shared" / "data"))
BARS = DATA / "spy-1998-2021.bars-1h.csv.gz"
SAMPLE = ROOT / "samples" / "trading-engine-momentum.yaml"
MOST_S, LEAST_ORDERS = 20.0, 500


def main() -> list[Figure]:
    """Run for about a quarter of a minute and write ``bench/backtest.json``."""
    load_before = os.getloadavg()[0]
    config = read_engine(SAMPLE.read_bytes())
    begun = time.perf_counter()
    done = backtest(config, [BARS])
    took = time.perf_counter() - begun
    spec, _ = setting_of(config, Assumed())
    begun = time.perf_counter()
    recorded = load([BARS], spread_bp=Decimal(1))
    read = time.perf_counter() - begun
    begun = time.perf_counter()
    scouted([spec], recorded)
    bare = time.perf_counter() - begun
    orders = done.figures.orders
    met = took < MOST_S and orders >= LEAST_ORDERS
    figures = [
        Figure(
            "backtest of the SPY hourly file, from file to figures", took, "s", bare,
            "quotes checked, indicators and strategy alone",
            f"< {MOST_S:.0f} s with at least {LEAST_ORDERS} orders", met,
        ),
        Figure("the file read alone", read, "s"),
        Figure("orders in it", orders, "orders"),
        Figure("quotes a second", done.figures.quotes / took, "quotes/s"),
    ]  # fmt: skip
    notes = (
        f"{SAMPLE.name} on {BARS.name}: {done.figures.quotes} quotes, {done.steps} steps of the"
        f" path; digest {done.digest}"
    )
    write_report("backtest", figures, notes=notes, load_before=load_before)
    return figures
