"""Five people of five roles on the running desk, in real browsers with virtual authenticators.

Invited and given their roles by two administrators, they enrol, are refused what is not theirs,
stop what is, and bring it back by two.
"""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Page

from audit import verifier
from scripts.totp import current_code
from tests.desk.judge import ready
from tests.pages.test_factors_browser import fill, follow, there, with_authenticator
from tests.pages.test_stop_browser import HOLD, effective, hold_by_mouse
from tests.pages.web import Chromium, Visitor
from tests.support.desk import PROJECT, Desk

pytestmark = [pytest.mark.desk, pytest.mark.browser, pytest.mark.timeout(420)]

OWN, OTHERS = "mr-gold", "mom-gold-futures"
PASSWORD = "a-password-of-my-own-7"
ROLES = {
    "tess.trader": "trader",
    "rita.risk": "risk",
    "sam.sre": "sre",
    "carla.compliance": "compliance",
    "alan.admin": "administrator",
}
NOT_YOURS = "Not for you"
REFUSED = "the server responded with a status of 40"
"""What the browser itself notes of a refusal."""
TOLD = (
    ("Hold placed", "R. Risk"),
    ("Approval asked for", "R. Risk"),
    ("Approval", "R. Risk"),
    ("Hold lifted", "T. Trader"),
    ("Approved and carried out", "T. Trader"),
)
"""What the record says of the kill and its end: what, and whose doing; the third was refused."""


@dataclass
class Story:
    """``url`` is the desk's by a name: passkeys want one."""

    desk: Desk
    chromium: Chromium
    url: str
    pages: list[Visitor] = field(default_factory=list)

    def browse(self) -> Visitor:
        """A browser of somebody else, at the door."""
        self._leave(self.pages)
        size = {"width": 1440, "height": 900}
        context = self.chromium.do(lambda: self.chromium.lend(viewport=size))
        self.pages.append(Visitor(self.chromium, context, self.url + "/sign-in"))
        return self.pages[-1]

    def go(self, page: Visitor, path: str) -> None:
        self._leave(one for one in self.pages if one is not page)
        page.do(lambda at: at.goto(self.url + path))

    def _leave(self, pages: Iterable[Visitor]) -> None:
        """Seven live pages that nobody looks at are more than this machine can draw."""
        for one in pages:
            one.do(lambda at: at.goto("about:blank"))

    def arrived(self, page: Visitor, pattern: str) -> None:
        page.wait_for_address(self.url + pattern, 20)


@pytest.fixture
def story(desk: Desk) -> Iterator[Story]:
    desk.wait_for(lambda: ready(desk), 60, "ready")
    url = desk.url.replace("127.0.0.1", "localhost")
    with Chromium() as chromium:
        yield Story(desk, chromium, url)


def demo(story: Story, username: str) -> Visitor:
    """Somebody of the demo, signed in with password and code."""
    page = story.browse()
    known = next(one for one in story.desk.demo["users"] if one["username"] == username)
    fill(page, username=username, password=known["password"])
    page.press_button("Go on")
    story.arrived(page, "/sign-in/factor**")
    fill(page, code=current_code(story.desk.home, username).split()[0])
    page.press_key("Enter")
    story.arrived(page, "/")
    return page


def invited(story: Story, admin: Visitor, username: str) -> str:
    """The initial password of somebody new."""
    first, last = username.split(".")
    story.go(admin, "/people")
    fill(admin, username=username, first_name=first.title(), last_name=last.title())
    admin.press_button("Invite")
    there(admin, ".invited-password")
    return admin.text(".invited-password")


def asked(story: Story, admin: Visitor, username: str, head: str, **choice: str) -> str:
    """The address of the request that somebody gets a role, or a place on a desk."""
    ((field, value),) = choice.items()
    story.go(admin, f"/people/{username}")
    form = f"section[aria-labelledby={head}-head]"
    admin.do(lambda at: at.locator(f"#{field}").select_option(value))
    admin.do(lambda at: at.locator(f"{form} [name=reason]").fill("hired"))
    admin.do(lambda at: at.locator(f"{form} button").click())
    story.arrived(admin, "/approvals/**")
    return str(admin.evaluate("location.pathname"))


def agreed(story: Story, page: Visitor, address: str) -> None:
    story.go(page, address)
    fill(page, reason="agreed")
    page.press_button("Approve and carry out")
    page.wait("document.querySelector('.said')?.textContent.includes('Executed')", 15)


def enrolled(story: Story, username: str, initial: str) -> Visitor:
    """Signed in for the first time, with a passkey of a virtual authenticator."""
    page = story.browse()
    with_authenticator(page)
    fill(page, username=username, password=initial)
    page.press_button("Go on")
    story.arrived(page, "/enrol/password")
    fill(page, password=PASSWORD, again=PASSWORD)
    page.press_button("Keep this password")
    story.arrived(page, "/enrol")
    fill(page, **{"passkey-name": "Key"})
    page.press_button("Make a passkey…")
    there(page, "#codes li >> nth=9")
    follow(page, "I have kept them: go to the desk")
    there(page, "#band[data-conn=live]")
    page.press_button("Sign out")
    story.arrived(page, "/sign-in")
    fill(page, username=username, password=PASSWORD)
    page.press_button("Go on")
    story.arrived(page, "/sign-in/factor**")
    page.press_button("Use your passkey")
    there(page, "#band[data-conn=live]")
    return page


def stop_chosen(story: Story, page: Visitor, query: str) -> str:
    """Send the stop that works without script; what the page says then."""
    story.go(page, f"/stop?{query}")
    page.do(answered)
    return page.text("body")


def answered(at: Page) -> None:
    with at.expect_navigation(wait_until="load"):
        at.get_by_role("button", name="Stop as chosen above").click()


def test_five_roles_come_in_are_refused_stop_and_bring_back(story: Story, tmp_path: Path) -> None:
    desk_set(story.desk)
    priya, noah = demo(story, "priya.raman"), demo(story, "noah.weiss")
    initial = {name: invited(story, priya, name) for name in ROLES}
    for name, role in ROLES.items():
        agreed(story, noah, asked(story, priya, name, "grant", role=role))
    for key in ("metals", "fx-metals"):
        agreed(story, noah, asked(story, priya, "tess.trader", "join", desk=key))
    people = {name: enrolled(story, name, initial[name]) for name in ROLES}
    refused_what_is_not_theirs(story, people)
    trader_stops_and_lifts_own_alone(story, people["tess.trader"])
    hold = risk_kills(story, people["rita.risk"])
    asks_and_cannot_agree(story, people["rita.risk"], hold)
    second_brings_it_back(story, people, hold)
    the_record_tells_it(story, people["carla.compliance"], hold)
    it_is_proven_elsewhere_and_not_when_altered(story, people["carla.compliance"], hold, tmp_path)
    for page in (priya, noah, *people.values()):
        assert [one for one in page.complaints if REFUSED not in one] == []


def desk_set(desk: Desk) -> None:
    """As whoever sets an installation up: its people may pause and resume one strategy."""
    words = ["metals", "--title", "Metals", "--strategies", OWN, "--rights", "pause,resume"]
    subprocess.run(
        [sys.executable, Path("manage.py"), "desk_set", *words],
        cwd=PROJECT, env=desk.environment, check=True, capture_output=True,
    )  # fmt: skip


def refused_what_is_not_theirs(story: Story, people: dict[str, Visitor]) -> None:
    firm = "scope=firm&what=kill"
    for name in ("tess.trader", "carla.compliance", "alan.admin"):
        said = stop_chosen(story, people[name], firm)
        assert "is placed by" in said, (name, said)
    for name in ("tess.trader", "rita.risk", "sam.sre", "carla.compliance"):
        story.go(people[name], "/people/alan.admin")
        sees = name in ("rita.risk", "carla.compliance")
        said = people[name].text("body")
        assert ("Not yours to change" if sees else NOT_YOURS) in said, (name, said)
    story.go(people["alan.admin"], f"/strategies/{OWN}")
    assert NOT_YOURS in people["alan.admin"].text("body")
    assert not story.desk.sql("SELECT 1 FROM riskctl_hold WHERE scope = 'firm'")


def trader_stops_and_lifts_own_alone(story: Story, page: Visitor) -> None:
    story.go(page, f"/strategies/{OWN}")
    hold_by_mouse(page, "[data-act=pause] button")
    row = (OWN,)
    story.desk.wait_for(lambda: holds(story.desk, *row), 20, "paused")
    ((hold, by),) = holds(story.desk, *row)
    assert by == "tess.trader"
    there(page, "[data-act=lift]")  # the page draws itself anew
    said = stop_chosen(story, page, f"scope=strategy:{OTHERS}&what=pause")
    assert "is placed by" in said, said
    assert not holds(story.desk, OTHERS)
    story.go(page, f"/holds/{hold}")
    written(page, "reason", "rolled over")
    page.press_button("Lift this hold")
    page.wait("document.querySelector('.said')?.textContent.includes('Lifted')", 15)


def written(page: Visitor, name: str, text: str) -> None:
    page.do(lambda at: at.locator(f"main [name={name}]").fill(text))


def holds(desk: Desk, strategy: str) -> list[tuple[str, str]]:
    return desk.sql(
        "SELECT id::text, placed_by FROM riskctl_hold h WHERE scope = %s AND NOT EXISTS"
        " (SELECT 1 FROM riskctl_holdlift l WHERE l.hold_id = h.id)",
        f"strategy:{strategy}",
    )


def risk_kills(story: Story, page: Visitor) -> str:
    """The hold's id; by the dialog that every page has."""
    story.go(page, f"/strategies/{OWN}")
    page.do(lambda at: at.locator("#stop-open").click())
    page.do(lambda at: at.locator("#scope-strategy").check())
    page.do(lambda at: at.locator("[name=strategy]").first.select_option(OWN))
    page.do(lambda at: at.locator("#what-kill").check())
    hold_by_mouse(page, HOLD)
    effective(page)
    story.desk.wait_for(lambda: holds(story.desk, OWN), 20, "killed")
    ((hold, by),) = holds(story.desk, OWN)
    assert by == "rita.risk"
    return hold


def asks_and_cannot_agree(story: Story, page: Visitor, hold: str) -> None:
    met = "document.querySelector('.conditions [data-met=no]') === null"
    story.desk.wait_for(lambda: reconciled_since(story.desk, hold), 60, "reconciled")
    story.go(page, f"/holds/{hold}")
    page.wait(met, 5)
    for name in ("root_cause", "rollback", "reason"):
        written(page, name, "quotes crossed")
    page.press_button("Ask a second person to lift it")
    story.arrived(page, "/approvals/**")
    assert page.text("aside form") == "Withdraw your request"
    assert page.count("text=Approve and carry out") == 0
    answer = page.evaluate(APPROVE, str(page.evaluate("location.pathname")))
    assert (answer["status"], "own" in answer["text"]) == (403, True), answer
    assert len(holds(story.desk, OWN)) == 1


APPROVE = """async path => {
  const form = new URLSearchParams({reason: 'x'});
  form.set('csrfmiddlewaretoken', document.querySelector('[name=csrfmiddlewaretoken]').value);
  const answer = await fetch(path + '/approve', {method: 'POST', body: form});
  return {status: answer.status, text: await answer.text()};
}"""


def reconciled_since(desk: Desk, hold: str) -> bool:
    """Each account agreed after the kill, as lifting it asks for."""
    left = desk.sql(
        "SELECT 1 FROM trading_venueaccount a WHERE a.name <> 'rehearsal' AND NOT EXISTS"
        " (SELECT 1 FROM trading_reconciliation r, riskctl_hold h WHERE h.id = %s"
        " AND r.account_id = a.name AND r.agrees AND r.at > h.placed_at)",
        hold,
    )
    return not left


def second_brings_it_back(story: Story, people: dict[str, Visitor], hold: str) -> None:
    trader = people["tess.trader"]
    ((request,),) = story.desk.sql(
        "SELECT id::text FROM riskctl_approval WHERE state = 'pending' AND subject LIKE %s",
        f"%{hold}%",
    )
    story.go(people["carla.compliance"], f"/approvals/{request}")
    assert "Not yours to approve" in people["carla.compliance"].text("aside")
    agreed(story, trader, f"/approvals/{request}")
    assert not holds(story.desk, OWN)
    story.go(trader, f"/holds/{hold}")
    assert "R. Risk and T. Trader" in trader.text("#receipt")


def the_record_tells_it(story: Story, page: Visitor, hold: str) -> None:
    """From the kill to the lift, by whom: followed by the hold's id, and opened at the refusal."""
    story.go(page, f"/audit?story={hold}")
    lines = page.evaluate(
        "[...document.querySelectorAll('.entry')].map(one => one.innerText.replace(/\\s+/g, ' '))"
    )
    rest = iter(lines)
    for what, who in TOLD:
        assert any(what in one and who in one for one in rest), (what, who, lines)
    page.do(lambda at: at.locator(".entry a", has_text="denied").first.click())
    there(page, "#entry-head")
    assert "approval-own-request" in page.text("main") or "own" in page.text("main")


SIGNED_LIFT = """
SELECT entry.id::text FROM audit_entry AS entry JOIN audit_place ON entry_id = entry.id
WHERE action = 'hold.lift' AND object_id = %s AND outcome = 'done'
  AND index < (SELECT max(size) FROM audit_signedcheckpoint)
"""


def it_is_proven_elsewhere_and_not_when_altered(
    story: Story, page: Visitor, hold: str, folder: Path
) -> None:
    """Exported by the button, verified with one file and a key; then altered with triggers off."""
    story.desk.wait_for(lambda: story.desk.sql(SIGNED_LIFT, hold), 20, "signed for")
    ident = story.desk.sql(SIGNED_LIFT, hold)[0][0]
    story.go(page, f"/audit?story={hold}")
    shutil.copy(str(verifier.__file__), folder)
    public = page.evaluate("fetch('/api/audit/verify').then(a => a.json()).then(a => a.public_key)")
    (folder / "audit.pem").write_text(str(public))
    code, said = verified(page, folder)
    assert (code, said.partition(":")[0]) == (0, "proven"), said
    with altered(story.desk, ident):
        story.go(page, f"/audit?story={hold}&entry={ident}")
        assert "NOT AS IT WAS PLACED" in page.text("[data-altered] .entry-said")
        assert "Not the entry that was placed" in page.text(".audit-proof [data-state=no]")
        code, said = verified(page, folder)
        assert (code, said.partition(" index")[0]) == (1, "NOT WHOLE: first bad"), said
    story.go(page, f"/audit?story={hold}&entry={ident}")
    assert page.count(".audit-proof [data-state=yes]") == 4


def verified(page: Visitor, folder: Path) -> tuple[int, str]:
    """What the verifier says, in its folder, of what the page exports."""

    def taken(at: Page) -> None:
        with at.expect_download(timeout=30_000) as download:
            at.get_by_role("link", name="With proofs").click()
        download.value.save_as(folder / "export.jsonl")

    page.do(taken)
    done = subprocess.run(
        [sys.executable, "-I", "verifier.py", "export.jsonl", "--key", "audit.pem"],
        cwd=folder, env={}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@contextlib.contextmanager
def altered(desk: Desk, ident: str) -> Iterator[None]:
    """The bytes of an entry, by the owner with triggers off; put back: others share the desk."""
    swap = "UPDATE audit_entry SET body = overlay(body placing %s from 3 for 1) WHERE id = %s"
    with psycopg.connect(desk.owner_url, autocommit=True) as own:
        own.execute("SET session_replication_role = replica")
        rows = own.execute("SELECT substring(body from 3 for 1) FROM audit_entry WHERE id = %s",
                           (ident,)).fetchall()  # fmt: skip
        own.execute(swap, (b"x", ident))
        try:
            yield
        finally:
            own.execute(swap, (rows[0][0], ident))
