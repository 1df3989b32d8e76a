"""Who stops what. Stopping asks for no fresh factor anywhere."""

from console.access.matrix.rows import (
    EVERYBODY,
    Caller,
    Face,
    Row,
    Section,
    form,
    page,
    people,
    stop,
)

FIRM = people(Caller.RISK, Caller.SRE)
STRATEGY = people(Caller.OWN, Caller.RISK, Caller.SRE)
REDUCE_FIRM = people(Caller.RISK)
REDUCE_STRATEGY = people(Caller.OWN, Caller.RISK)
ONE = "/api/strategies/{strategy}"
TO_FLATTEN = frozenset({"flatten"})


def _shown(case: str, who: frozenset[Caller]) -> Row:
    """The page that stops lets its callers in as REST does, tokens among them."""
    return Row(
        "POST", "/stop", who, case, Face.STOP, tokens=frozenset({"stop"}),
        refusal="hold-not-yours", bearer="scope-missing",
    )  # fmt: skip


STOPS = Section(
    "Stopping",
    "One action, by one person or by a token with the scope `stop`; with the database away, by the "
    "signed leave that browser or token carries. The trader's are those of their own desk.",
    (
        stop("/trading/halt", FIRM, "the firm"),
        stop("/trading/halt", STRATEGY, "a strategy"),
        stop("/emergency/stop-trading", FIRM, "the firm"),
        stop("/emergency/stop-trading", STRATEGY, "a strategy"),
        stop("/emergency/freeze", FIRM, "the firm"),
        stop("/emergency/freeze", STRATEGY, "a strategy"),
        stop("/emergency/stop-new-positions", REDUCE_FIRM, "the firm"),
        stop("/emergency/stop-new-positions", REDUCE_STRATEGY, "a strategy"),
        stop(f"{ONE}/pause", STRATEGY),
        stop(f"{ONE}/kill", STRATEGY),
        stop("/orders/cancel-all", FIRM, "the firm", refusal="cancel-not-yours"),
        stop("/orders/cancel-all", STRATEGY, "a strategy", refusal="cancel-not-yours"),
        stop(
            "/api/regulatory", people(Caller.COMPLIANCE), tokens=frozenset(),
            bearer="scope-missing hold-not-yours",
        ),
        Row("GET", "/stop", EVERYBODY, "", Face.STOP, tokens=frozenset({"read"}),
            bearer="scope-missing"),
        _shown("pause the firm", FIRM),
        _shown("pause a strategy", STRATEGY),
        _shown("kill the firm", FIRM),
        _shown("kill a strategy", STRATEGY),
        _shown("reduce-only on the firm", REDUCE_FIRM),
        _shown("reduce-only on a strategy", REDUCE_STRATEGY),
        _shown("freeze the firm", FIRM),
    ),
)  # fmt: skip

STOP_LOSSES = "/risk/stop-losses/set"
NOT_PROTECTED = "stop-losses-not-yours"


def _protects(who: frozenset[Caller], case: str) -> tuple[Row, Row]:
    hidden = "" if case == "the firm" else " scope-not-yours"
    return (
        stop("/emergency/set-stop-losses", who, case, tokens=TO_FLATTEN, refusal=NOT_PROTECTED),
        form(STOP_LOSSES, who, case=case, refusal=f"{NOT_PROTECTED}{hidden}"),
    )


PROTECTING = Section(
    "Stop-losses",
    "One person, also while trading is stopped; no fresh factor, for it lowers risk. It leaves an "
    "order that closes a position when its price comes, so a token needs `flatten`: `stop` alone "
    "closes nothing. Nothing here moves a stop away from the price; taking one back is a "
    "cancelling that names protective orders.",
    (
        page("/risk/stop-losses"),
        *_protects(people(Caller.RISK), "the firm"),
        *_protects(people(Caller.OWN, Caller.RISK), "a strategy"),
    ),
)

FLATTENING = Section(
    "Closing positions",
    "A risk manager, or a token with the scope `flatten`; `stop` alone closes nothing.",
    (
        stop("/emergency/close-all-positions", people(Caller.RISK), "to look", tokens=TO_FLATTEN,
             refusal="flatten-not-yours"),
        stop("/emergency/close-all-positions", people(Caller.RISK), "the firm", tokens=TO_FLATTEN,
             refusal="flatten-not-yours"),
        Row("POST", "/stop", people(Caller.RISK), "kill and close the firm", Face.STOP,
            refusal="flatten-not-yours", bearer="scope-missing flatten-not-yours"),
    ),
)  # fmt: skip

STOPPING = (STOPS, PROTECTING, FLATTENING)
