"""What the pages of TradingEngine documents say."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from console.pages import formats, words
from console.pages.enginealerts import alerts_of, moment
from console.pages.framing import Framed
from riskctl.actors import Actor, NotAllowedError
from riskctl.holds import RISK, SRE, Kind
from riskctl.models import Approval, Hold
from trading.backtest.drawing import line_svg
from trading.backtest.keeping import backtest_found, backtests_of
from trading.backtest.report import shown_figures
from trading.backtest.resting import rests_of
from trading.backtest.run import code_digest
from trading.engines.service import check_may
from trading.engines.standing import EngineStanding, engine_standing, engine_standings
from trading.engines.versions import Diff, NoSuchEngineError, version_diff, versions_of
from trading.engines.wanted import Way
from trading.gates.facts import config_of, trades_of
from trading.gates.raising import raise_conditions, step_most
from trading.gates.rules import COMPLIANCE_GATE, RISK_GATE
from trading.gates.service import MAY_WITHDRAW, ROLES
from trading.gates.standing import Gates, gates_read, trades_real
from trading.models import BacktestReport, Drill, PaperDay, SignOff, Strategy
from trading.resume.vitals import vitals_read

DAYS_SHOWN, REPORTS_SHOWN, VERSIONS_SHOWN, KILLS_SHOWN = 40, 10, 30, 5
PLOTTED = 3
"""Day, equity, and the fall from its peak."""
STATES = {"in force": "ok", "waits": "warning", "differs": "warning", "unfit": "breach"}


def engine_rows(seen: Callable[[str], bool], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """One a document that is seen, by name. Raises db.Error."""
    rows = [one for one in engine_standings() if seen(one.name)]
    strategies = Strategy.objects.select_related("account").in_bulk([one.name for one in rows])
    vitals = vitals_read()
    found = []
    for one in rows:
        strategy = strategies.get(one.name)
        gates = gates_read(strategy, vitals) if strategy else None
        found.append({**_standing(one, names), "strategy": strategy, "gates": _count(gates)})
    return found


def _standing(one: EngineStanding, names: Mapping[str, str]) -> dict[str, Any]:
    version = one.version
    return {
        "name": one.name, "state": one.state, "near": STATES[one.state], "why": one.why,
        "version": version.number, "by": words.who_words(version.made_by, names),
        "at": moment(version.made_at), "asked": one.asked,
    }  # fmt: skip


def _count(gates: Gates | None) -> dict[str, Any] | None:
    if gates is None:
        return None
    met = sum(one.met for one in gates.conditions)
    return {"met": met, "all": len(gates.conditions), "open": gates.open, "live": gates.live}


def engine_facts(name: str, page: Framed, given: Mapping[str, str]) -> dict[str, Any]:
    """All that one document's page says. Raises NoSuchEngineError, db.Error."""
    standing = engine_standing(name)
    versions = versions_of(name)
    strategy = Strategy.objects.select_related("account").filter(key=name).first()
    gates = gates_read(strategy, vitals_read()) if strategy else None
    latest = trades_of(standing.version.text)
    return {
        "engine": {**_standing(standing, page.names), "digest": standing.version.digest,
                   "trades": latest},
        "strategy_row": strategy,
        "gates": gates,
        "gates_met": sum(one.met for one in gates.conditions) if gates else 0,
        "settings": [{**one.body(), "changed": one.way is not Way.SAME,
                      "glyph": "up" if one.way is Way.RAISE else "down"}
                     for one in standing.settings],
        "versions": [
            {"row": one, "by": words.who_words(one.made_by, page.names),
             "at": moment(one.made_at), "as_latest": _as_latest(trades_of(one.text), latest)}
            for one in versions[:VERSIONS_SHOWN]
        ],
        "diff": _diff(name, versions[0].number, given),
        **_reports(name, given.get("report", ""),
                   {one.digest: _as_latest(trades_of(one.text), latest) for one in versions}),
        **_paper(name, latest),
        **_signing(name, gates, page),
        **_raising(name, standing, strategy, page),
        **_drills(strategy, page),
        "owner": words.who_words(strategy.owner, page.names) if strategy else "",
        **alerts_of(standing.version, page.now),
    }  # fmt: skip


def _diff(name: str, latest: int, given: Mapping[str, str]) -> Diff | None:
    """The version asked for against the one before; without asking, the latest."""
    asked = given.get("version", "")
    number = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 9 else latest
    try:
        return version_diff(name, number - 1, number) if number > 1 else None
    except NoSuchEngineError:
        return None


def _grouped(value: str | None) -> str:
    return formats.number(None if value is None else Decimal(value), 2, plus=True)


def _as_latest(trades: str, latest: str) -> bool:
    """Whether what is evidence of one document is evidence of the latest, as gates take it."""
    return bool(latest) and trades == latest


def _reports(name: str, asked: str, as_latest: Mapping[str, bool]) -> dict[str, Any]:
    """The newest, and one in full: that asked for, else the newest that gates look at.

    ``as_latest``: of each document that is a version, by its digest.
    """
    rows = backtests_of(name, most=REPORTS_SHOWN)
    if asked:
        chosen = backtest_found(name, asked) if asked.isalnum() else None
    else:
        newest = rows[0] if rows else None
        chosen = next((one for one in rows if as_latest.get(one.document)), newest)
    return {
        "reports": [_report(one, as_latest) for one in rows],
        "report_unknown": asked[:64] if asked and chosen is None else "",
        "report": None if chosen is None else {
            **_report(chosen, as_latest),
            "figures": shown_figures(chosen.body.get("figures", {})),
            "rests": rests_of(chosen.body, code_digest()),
            "plots": _plots(chosen.body.get("line", [])),
        },
    }  # fmt: skip


def _report(row: BacktestReport, as_latest: Mapping[str, bool]) -> dict[str, Any]:
    figures = row.body.get("figures", {})
    sharpe = figures.get("sharpe")
    return {
        "row": row, "short": row.digest[:12], "days": (row.last_day - row.first_day).days + 1,
        "pnl": _grouped(figures.get("pnl")), "fills": figures.get("fills"),
        "sharpe": formats.number(None if sharpe is None else Decimal(str(sharpe)), 2),
        "as_latest": as_latest.get(row.document),
    }  # fmt: skip


def _plots(line: list[list[Any]]) -> list[tuple[str, SafeString]]:
    """Equity and the fall from its peak; none of a report that was kept without either."""
    if not line or len(line[0]) != PLOTTED:
        return []
    days = [int(day) for day, _, _ in line]
    equity, falls = [float(one) for _, one, _ in line], [float(one) for _, _, one in line]
    drawn = (("Equity, USD", line_svg("Equity", days, equity, unit="USD")),
             ("Drawdown", line_svg("Drawdown", days, falls, unit="%")))  # fmt: skip
    return [(head, mark_safe(svg)) for head, svg in drawn]  # noqa: S308 - drawn from numbers


def _paper(name: str, latest: str) -> dict[str, Any]:
    rows = PaperDay.objects.filter(name=name).order_by("-day")[:DAYS_SHOWN]
    return {
        "paper_days": [
            {"row": one, "day": f"{one.day:%a} {one.day.day} {one.day:%b}",
             "pnl": formats.number(one.pnl, 2, plus=True), "tone": formats.tone(one.pnl),
             "fall": formats.number(-one.drawdown, 2),
             "as_latest": _as_latest(one.digest, latest)}
            for one in rows
        ],
    }  # fmt: skip


def _signing(name: str, gates: Gates | None, page: Framed) -> dict[str, Any]:
    """What this person may sign, and what may be taken back."""
    standing = SignOff.objects.filter(name=name, withdrawal=None).order_by("-signed_at")
    signed = {one.gate: one for one in standing.reverse()}
    labels = {"risk": RISK_GATE, "compliance": COMPLIANCE_GATE}
    mine = [gate for gate, role in ROLES.items() if role in page.actor.roles]
    return {
        "sign": [{"gate": str(gate), "label": labels[str(gate)]} for gate in mine] if gates else [],
        "signed": [
            {"row": one, "label": labels[one.gate], "at": moment(one.signed_at),
             "by": words.who_words(one.signed_by, page.names),
             "now": gates is not None and one.digest == gates.digest}
            for one in signed.values()
        ],
        "withdraws": bool(page.actor.standings(f"strategy:{name}") & MAY_WITHDRAW),
    }  # fmt: skip


def _raising(
    name: str, standing: EngineStanding, strategy: Strategy | None, page: Framed
) -> dict[str, Any]:
    """The next step of riskLimit on real money, and what it takes now."""
    config = config_of(standing.version.text)
    most = step_most(name) if strategy and trades_real(strategy) else None
    conditions = raise_conditions(name, strategy.account_ids, most) if strategy and most else []
    return {
        "risk_limit": f"{(config.risk_limit * 100).normalize():f}%" if config else formats.UNKNOWN,
        "step": conditions,
        "step_most": formats.number(most, 2) if most else "",
        "raises": page.actor.resizes_one(name),
        "asks": standing.state == "differs" and standing.apart and _may_apply(page.actor, name),
        "waits": Approval.objects.filter(
            kind="engine-apply", subject=f"strategy:{name}", state=Approval.State.PENDING
        ).first(),
    }  # fmt: skip


def _may_apply(actor: Actor, name: str) -> bool:
    try:
        check_may(actor, name)
    except NotAllowedError:
        return False
    return True


def _drills(strategy: Strategy | None, page: Framed) -> dict[str, Any]:
    accounts = strategy.rehearsal_ids if strategy else []
    if not accounts:
        return {"drills": [], "kills": [], "rehearsal": ""}
    kills = Hold.objects.filter(
        scope__in=[f"venue:{one}" for one in accounts], kind=Kind.KILL
    ).order_by("-placed_at")
    drills = Drill.objects.filter(account__in=accounts).order_by("-happened_at")
    return {
        "rehearsal": ", ".join(accounts),
        "drills": [
            {"row": one, "by": words.who_words(one.made_by, page.names),
             "at": moment(one.happened_at)}
            for one in drills[:KILLS_SHOWN]
        ],
        "kills": [(str(one.id), moment(one.placed_at)) for one in kills[:KILLS_SHOWN]]
        if page.actor.roles & {RISK, SRE} else [],
    }  # fmt: skip
