"""``python -m scripts.bench [NAME…]``: run the benchmarks and write $HALTLINE_HOME/bench/*.json."""

import sys
from collections.abc import Callable

from scripts.bench import (
    bench_audit,
    bench_backtest,
    bench_charts,
    bench_halt,
    bench_live,
    bench_load,
    bench_orders,
    bench_path,
    bench_record,
    bench_screen,
    bench_signal,
)
from scripts.bench.report import Figure, home, line

BENCHES: dict[str, Callable[[], list[Figure]]] = {
    "path": bench_path.main,
    "signal": bench_signal.main,
    "orders": lambda: [*bench_orders.main(), *bench_load.main()],  # and memory, of the same desk
    "backtest": bench_backtest.main,
    "halt": bench_halt.main,
    "audit": bench_audit.main,
    "charts": bench_charts.main,
    "live": bench_live.main,
    "screen": bench_screen.main,
    "record": bench_record.main,
}


def main(names: list[str]) -> int:
    """Exit code: 0 done, 2 a name is unknown. A figure that misses its aim is no failure."""
    unknown = [one for one in names if one not in BENCHES]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; there are: {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    for name in names or BENCHES:
        print(f"{name}:", flush=True)
        for figure in BENCHES[name]():
            print(line(figure), flush=True)
    print(f"written to {home() / 'bench'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
