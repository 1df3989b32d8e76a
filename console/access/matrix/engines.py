"""TradingEngine documents: who reads, applies and patches them."""

from console.access.matrix.rows import Caller, Section, form, page, people, read, stop, write

SEEN = people(Caller.OWN, Caller.RISK, Caller.SRE, Caller.COMPLIANCE)
THEIRS = people(Caller.OWN, Caller.RISK)
STOPS = people(Caller.OWN, Caller.RISK, Caller.SRE)
HIDDEN = "strategy-not-yours"
NOT_THEIRS = f"engine-not-yours {HIDDEN}"
SIGN_FRESH = "sign-off-needs-step-up"
NOT_SIGNED = f"sign-off-not-your-role {HIDDEN}"
ASK_FRESH = "approval-needs-step-up"
ONE, PAGE = "/api/engines/{engine}", "/engines/{engine}"
NO_TOKEN = "scope-missing engine-tokens-cannot strategy-not-yours"  # noqa: S105 - codes
NO_SIGNING = "scope-missing sign-off-tokens-cannot strategy-not-yours"

ENGINES = Section(
    "TradingEngine documents",
    "What a document lowers is lowered at once; what it raises is a request that two people "
    "decide, risk among them. A riskLimit of 0% and the phase Emergency-Stop are stops.",
    (
        page("/engines"),
        page(PAGE, SEEN, refusal=HIDDEN),
        form(f"{PAGE}/sign-off", people(Caller.RISK), case="risk", refusal=NOT_SIGNED,
             step_up=SIGN_FRESH),
        form(f"{PAGE}/sign-off", people(Caller.COMPLIANCE), case="compliance", refusal=NOT_SIGNED,
             step_up=SIGN_FRESH),
        form(f"{PAGE}/withdraw", SEEN, refusal=f"sign-off-not-yours {HIDDEN}"),
        form(f"{PAGE}/ask", THEIRS, refusal=NOT_THEIRS, step_up=ASK_FRESH),
        form(f"{PAGE}/risk-limit", THEIRS, case="higher: asks", refusal=NOT_THEIRS,
             step_up=ASK_FRESH),
        form(f"{PAGE}/drill", people(Caller.RISK, Caller.SRE),
             refusal=f"drill-not-your-role {HIDDEN}"),
        read("/api/engines"),
        read("/api/engine-alerts"),
        read(ONE, SEEN, refusal=HIDDEN),
        read(f"{ONE}/versions", SEEN, refusal=HIDDEN),
        read(f"{ONE}/diff", SEEN, refusal=HIDDEN),
        read(f"{ONE}/backtests", SEEN, refusal=HIDDEN),
        read(f"{ONE}/gates", SEEN, refusal=HIDDEN),
        read(f"{ONE}/paper-days", SEEN, refusal=HIDDEN),
        read("/api/drills"),
        write("/api/drills", people(Caller.RISK, Caller.SRE), refusal="drill-not-your-role",
              bearer="drill-tokens-cannot"),
        write(f"{ONE}/sign-off", people(Caller.RISK), case="risk", refusal=NOT_SIGNED,
              step_up=SIGN_FRESH, bearer=NO_SIGNING),
        write(f"{ONE}/sign-off", people(Caller.COMPLIANCE), case="compliance", refusal=NOT_SIGNED,
              step_up=SIGN_FRESH, bearer=NO_SIGNING),
        write(f"{ONE}/sign-off/withdraw", SEEN, refusal=f"sign-off-not-yours {HIDDEN}",
              bearer=NO_SIGNING),
        write("/api/engine-check", tokens=frozenset({"read"}), bearer="scope-missing"),
        write("/api/engines", THEIRS, case="lower", refusal=NOT_THEIRS, bearer=NO_TOKEN),
        write("/api/engines", THEIRS, case="higher: asks", refusal=NOT_THEIRS, step_up=ASK_FRESH,
              bearer=NO_TOKEN),
        stop("/api/engines", STOPS, "riskLimit 0%"),
        write(f"{ONE}/ask", THEIRS, refusal=NOT_THEIRS, step_up=ASK_FRESH,
              bearer="engine-tokens-cannot"),
        write(f"{ONE}/patch", THEIRS, case="lower", refusal=NOT_THEIRS, bearer=NO_TOKEN),
        write(f"{ONE}/patch", THEIRS, case="higher: asks", refusal=NOT_THEIRS, step_up=ASK_FRESH,
              bearer=NO_TOKEN),
        stop(f"{ONE}/patch", STOPS, "riskLimit 0%"),
        stop(f"{ONE}/patch", STOPS, "Emergency-Stop"),
    ),
)  # fmt: skip
