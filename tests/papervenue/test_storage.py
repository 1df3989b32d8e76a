"""A storage outlives the venue that made it."""

import sqlite3
from pathlib import Path

from trading.papervenue.orders import Order
from trading.papervenue.storage import Storage

NEWER = ("reduce_only", "stop_price", "triggered")


def an_order(number: int, **more: object) -> Order:
    return Order(number, "paper-1", f"o-{number}", "SPY", "sell", "stop", "gtc", 5, None, 1, **more)  # type: ignore[arg-type]


def test_a_stop_order_is_read_as_it_was_written(tmp_path: Path) -> None:
    storage = Storage(tmp_path / "v.sqlite3")
    order = an_order(1, reduce_only=True, stop=7_000)
    storage.add_order(order, received_ns=1, decided_ns=1)
    storage.close()
    storage = Storage(tmp_path / "v.sqlite3")
    assert storage.working() == [order]
    order.triggered = True
    storage.save_order(order, 2)
    storage.close()
    storage = Storage(tmp_path / "v.sqlite3")
    assert storage.order("paper-1", "o-1") == order
    storage.close()


def test_a_storage_of_an_older_venue_is_brought_up_to_date(tmp_path: Path) -> None:
    file = tmp_path / "v.sqlite3"
    storage = Storage(file)
    for number in (1, 2):
        storage.add_order(an_order(number), received_ns=1, decided_ns=1)
    storage.close()
    with sqlite3.connect(file) as old:
        old.execute("DROP TABLE deadman")
        for name in NEWER:
            old.execute(f"ALTER TABLE orders DROP COLUMN {name}")
        old.execute("UPDATE orders SET filled = quantity WHERE number = 2")  # and still working
    storage = Storage(file)
    (left,) = storage.working()
    assert (left.number, left.reduce_only, left.stop, left.triggered) == (1, False, None, False)
    done = storage.order("paper-1", "o-2")
    assert done is not None
    assert done.state == "filled"
    assert storage.deadmen() == {}
    storage.arm_deadman("paper-1", 5)
    storage.close()
    storage = Storage(file)
    assert storage.deadmen() == {"paper-1": 5}
    storage.close()
