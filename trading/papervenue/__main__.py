"""``python -m trading.papervenue``: the venue alone, for tests and for a host of its own."""

import argparse
import logging
from pathlib import Path

from trading.papervenue.main import PaperVenueConfig, run


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m trading.papervenue", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--storage", type=Path, required=True, help="SQLite file")
    parser.add_argument("--credentials", type=Path, required=True, help="JSON file")
    parser.add_argument("--redis-url", default="redis://127.0.0.1:6379/0")
    parser.add_argument("--ticks-stream", default="hl:ticks")
    parser.add_argument("--acks-stream", default="hl:acks")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    run(PaperVenueConfig(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
