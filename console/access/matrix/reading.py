"""Who reads what, and what stands open before anybody has signed in."""

from console.access.matrix.rows import (
    Caller,
    Door,
    Face,
    Row,
    Section,
    form,
    page,
    people,
    read,
    write,
)

SEEN = people(Caller.OWN, Caller.RISK, Caller.SRE, Caller.COMPLIANCE)
"""Who sees what is of one desk."""

OPEN = Section(
    "Open to anybody",
    "Named in console.access.middleware, and nothing else is.",
    (
        Row("GET", "/healthz", face=Face.API, door=Door.OPEN),
        Row("GET", "/healthz/{stage}", face=Face.API, door=Door.OPEN),
        Row("GET", "/readyz", face=Face.API, door=Door.OPEN),
        page("/favicon.ico", door=Door.OPEN),
        page("/sign-in", door=Door.OPEN),
        form("/sign-in", door=Door.OPEN),
    ),
)

PASSWORD = Section(
    "Between password and second factor",
    "What a session may that has given the password alone.",
    (
        page("/sign-in/factor", door=Door.PASSWORD),
        form("/sign-in/factor", door=Door.PASSWORD),
        form("/sign-out", door=Door.PASSWORD),
    ),
)

PAGES = Section(
    "Pages",
    "Reading only. A page shows buttons by who looks; what counts is what their addresses say.",
    (
        page("/"),
        page("/desk/tape"),
        page("/pipeline"),
        page("/performance"),
        page("/stop/preview"),
        page("/strategies/{key}", SEEN, refusal="strategy-not-yours"),
        page("/strategies/{key}/series", SEEN, refusal="strategy-not-yours"),
        page("/strategies/{key}/parts", SEEN, refusal="strategy-not-yours"),
        page("/holds"),
        page("/holds/{hold_id}", SEEN, refusal="scope-not-yours"),
        page("/holds/{hold_id}/receipt", SEEN, refusal="scope-not-yours"),
        page("/approvals"),
        page("/approvals/waiting"),
        page("/approvals/{approval_id}", SEEN, refusal="approval-not-yours-to-see"),
        page("/approvals/{approval_id}/standing", SEEN, refusal="approval-not-yours-to-see"),
        page("/risk"),
        page("/risk/triggers"),
        page("/risk/exposure"),
        page("/api/docs"),
        page("/…"),
        form("/…"),
    ),
)

API = Section(
    "Reading by REST",
    "People, and tokens with the scope `read`.",
    (
        read("/api/trading-status"),
        read("/api/positions"),
        read("/api/positions/summary"),
        read("/api/broker-positions"),
        read("/api/orders"),
        read("/orders/open"),
        read("/api/stop-losses"),
        read("/api/executions"),
        read("/api/signals"),
        read("/api/signals/latest"),
        read("/api/signals/validate-recent"),
        read("/api/metrics/signal-accuracy"),
        read("/api/metrics/accuracy"),
        read("/api/metrics/signal-distribution"),
        read("/api/metrics/signal-rate"),
        read("/api/metrics/confidence-distribution"),
        read("/api/metrics/performance"),
        read("/api/metrics/slippage"),
        read("/api/metrics/fill-rate"),
        read("/api/metrics/execution-times"),
        read("/test/broker-connectivity"),
        read("/api/markets"),
        read("/api/latest-prices"),
        read("/api/data-freshness"),
        read("/api/reconciliations"),
        write("/api/reconcile/generate-report", tokens=frozenset({"read"}),
              bearer="scope-missing"),
        read("/api/stages"),
        read("/api/holds"),
        read("/api/holds/{hold_id}", SEEN, refusal="scope-not-yours"),
        read("/api/approvals"),
        read("/api/approvals/{approval_id}", SEEN, refusal="approval-not-yours-to-see"),
        read("/api/triggers"),
        read("/api/triggers/{trigger}"),
        read("/api/strategies/{strategy}/performance", SEEN, refusal="strategy-not-yours"),
        read("/api/risk-metrics/current"),
        read("/api/risk-metrics/utilization"),
        read("/api/schema"),
        read("/api/…"),
        write("/api/…", tokens=frozenset({"read"}), bearer="scope-missing"),
    ),
)  # fmt: skip

SOCKETS = Section(
    "Sockets",
    "Frames go out, nothing comes in. Pages of this host alone, no token; refused by closing with "
    "4401, or in the handshake when the page came from elsewhere.",
    (
        Row("SOCKET", "/live/desk", face=Face.SOCKET),
        Row("SOCKET", "/live/pipeline", face=Face.SOCKET),
    ),
)

READING = (OPEN, PASSWORD, PAGES, API, SOCKETS)
