"""A desk's frame as one audience may see it. Pure.

Strategies that are not theirs are not in it, and every sum and count is over those that are. The
firm's state stays: it is everybody's. Who sees every strategy in it is given it as it is.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from console.access.visible import Sight, trigger_shown

Frame = dict[str, Any]

_SUMS = ("realised", "unrealised", "fees", "gross", "net")
_MARKED = ("unrealised", "gross", "net")


def reduced(frame: Mapping[str, Any], sight: Sight) -> Frame:
    """``frame`` (decoded JSON of topic ``desk``) as ``sight`` allows."""
    if sight.all:
        return dict(frame)
    every = frame.get("strategies", ())
    lines = [one for one in every if sight.sees(one.get("key"))]
    if len(lines) == len(every):  # then its sums hold nothing of others
        return dict(frame)
    found = {**frame, "strategies": lines, "totals": _totals(lines)}
    if "firm" in frame:
        found["firm"] = _firm(frame["firm"], lines)
    found.pop("gauges", None)  # the firm's figures hold those of others
    triggers = frame.get("triggers")
    if triggers is not None and "near" in triggers:
        near = (trigger_shown(one, sight) for one in triggers["near"])
        found["triggers"] = {**triggers, "near": [one for one in near if one is not None]}
    return found


def _firm(firm: Mapping[str, Any], lines: list[Frame]) -> Frame:
    held = {one["id"] for line in lines for one in line.get("holds", ())}
    if firm.get("hold"):
        held.add(firm["hold"]["id"])
    own = sum(any(one.get("own") for one in line.get("holds", ())) for line in lines)
    return {**firm, "holds": len(held), "on": own}


def _totals(lines: list[Frame]) -> Frame:
    real = [line.get("real") or line for line in lines]  # paper money is in no sum
    marked = [one for one in real if one.get("pnl") is not None]
    return {
        "pnl_today": _sum(one.get("pnl") for one in real),
        **{name: _sum(one.get(name) for one in real) for name in _SUMS},
        "fills": _count(one.get("fills") for one in real),
        "orders_open": _count(line.get("orders_open") for line in lines),
        "strategies": len(lines),
        "active": sum(line.get("state") == "ACTIVE" for line in lines),
        "held": sum(line.get("mode", "ACTIVE") != "ACTIVE" for line in lines),
        "unknown": sum(line.get("state") == "UNKNOWN" for line in lines),
        "unmarked": sorted({symbol for line in lines for symbol in _unmarked(line)}),
        "marked": {
            "pnl_today": _sum(one.get("pnl") for one in marked),
            **{name: _sum(one.get(name) for one in marked) for name in _MARKED},
        },
    }


def _unmarked(line: Mapping[str, Any]) -> list[str]:
    held = line.get("position") or ()
    mine = (one for one in held if not one.get("rehearsal"))
    return [str(one["symbol"]) for one in mine if one.get("unrealised") is None]


def _sum(parts: Iterable[Any]) -> str | None:
    """Of decimals as text; unknown when one of them is."""
    total = Decimal(0)
    for part in parts:
        if part is None:
            return None
        total += Decimal(str(part))
    return f"{total:.2f}"


def _count(parts: Iterable[Any]) -> int | None:
    known = list(parts)
    return None if any(one is None for one in known) else sum(known)
