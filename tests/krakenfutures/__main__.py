"""``python -m tests.krakenfutures``: the stand-in as a process, its market from the desk's feed.

``GET /standin?lose=sendorder:3&limited=5`` sets faults: answers done and not given, *too many*.
"""

import argparse
import asyncio
import json
import signal
from pathlib import Path

from tests.krakenfutures.server import KrakenFutures
from trading.papervenue.quotes import QuoteReader


async def serve(given: argparse.Namespace) -> None:
    known = json.loads(given.credentials.read_text())
    keys = {one["key"]: (account, one["secret"]) for account, one in known.items()}
    server = KrakenFutures(given.storage, keys)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await server.start(given.port)
    print(f"a stand-in for Kraken Futures listens on {server.address}", flush=True)
    reader = QuoteReader(
        given.redis_url, given.ticks_stream, given.acks_stream, server.exchange, server.settle
    )
    quotes = asyncio.create_task(reader.run())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({quotes, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if quotes.done():
        quotes.result()
    quotes.cancel()
    await server.stop()


def main() -> None:
    given = argparse.ArgumentParser()
    given.add_argument("--port", type=int, required=True)
    given.add_argument("--storage", type=Path, required=True)
    given.add_argument(
        "--credentials", type=Path, required=True, help="JSON: account -> key, secret (base64)"
    )
    given.add_argument("--redis-url", default="redis://127.0.0.1:6379/0")
    given.add_argument("--ticks-stream", default="hl:ticks")
    given.add_argument("--acks-stream", default="hl:acks")
    asyncio.run(serve(given.parse_args()))


if __name__ == "__main__":
    main()
