"""What a browser is kept from: forms and scripts of other origins, frames, injected script."""

from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from playwright.sync_api import Page

from audit.models import Entry
from riskctl.models import DeadMan, Hold
from tests.console.api.brakes import new_hold
from tests.pages.conftest import _person
from tests.pages.elsewhere import Elsewhere
from tests.pages.web import Visit, Visitor, Web
from tests.support.gateways import FakeGateway
from trading.models import Strategy

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

As = Callable[[User], Visit]


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere() as site:
        yield site


@pytest.fixture
def at_holds(visit_as: As, ada: User) -> Visitor:
    return visit_as(ada)("/holds")


def denials() -> list[str]:
    return list(
        Entry.objects.filter(action="access.deny").order_by("recorded_at").values_list(
            "reason", flat=True
        )
    )  # fmt: skip


# Forms of others ----------------------------------------------------------------------------------

FORM = """<form method="post" action="{to}" enctype="{how}">{fields}</form>
<script>document.forms[0].submit()</script>"""


def fields_of(said: dict[str, str]) -> str:
    return "".join(
        f'<input type="hidden" name="{name}" value="{value}">' for name, value in said.items()
    )


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/stop", {"what": "kill", "scope": "firm"}),
        ("/stop", {"what": "kill", "scope": "firm", "csrfmiddlewaretoken": "a" * 64}),
        ("/trading/halt", {"scope": "firm"}),
        ("/deadman/confirm", {}),
        ("/sign-out", {}),
    ],
)
@pytest.mark.parametrize("how", ["application/x-www-form-urlencoded", "text/plain"])
def test_a_form_of_another_origin_does_nothing(
    at_holds: Visitor, web: Web, elsewhere: Elsewhere, path: str, said: dict[str, str], *,
    how: str, gateways: dict[str, FakeGateway],
) -> None:  # fmt: skip
    page = at_holds
    there = elsewhere.page("/", FORM.format(to=web.url + path, how=how, fields=fields_of(said)))
    with_cookie = page.do(lambda one: post_of(one, there, path))
    assert with_cookie, "the browser sent the session along: nothing but our check refuses it"
    assert not Hold.objects.exists()
    assert not DeadMan.objects.exists()
    assert not any(one.told for one in gateways.values())
    assert "csrf-failed" in denials()
    page.do(lambda one: one.goto(web.url + "/holds"))
    assert page.title.endswith("Holds · Haltline"), "still signed in"


def post_of(page: Page, there: str, path: str) -> bool:
    """Open ``there``; whether the POST to ``path`` that it makes was refused, and had a cookie."""
    with page.expect_response(lambda one: one.request.method == "POST") as found:
        page.goto(there)
    answer = found.value
    assert answer.url.endswith(path)
    assert answer.status == 403, answer.status
    return settings.SESSION_COOKIE_NAME in answer.request.all_headers().get("cookie", "")


def test_a_script_of_another_origin_reads_and_does_nothing(
    visit_as: As, web: Web, ada: User, elsewhere: Elsewhere
) -> None:
    page = visit_as(ada)("/holds")
    page.do(lambda one: one.goto(elsewhere.page("/", "there")))
    ask = """async ([url, init]) => {
      try { const got = await fetch(url, init); return [got.type, (await got.text()).length]; }
      catch (error) { return [String(error), 0]; }
    }"""
    for path in ("/api/holds", "/holds", "/api/approvals"):
        kind, length = page.evaluate(ask, [web.url + path, {"credentials": "include"}])
        assert (kind, length) == ("TypeError: Failed to fetch", 0)
    for path, body in (("/trading/halt", "{}"), ("/api/deadman", "{}"), ("/stop", "what=kill")):
        init = {"method": "POST", "mode": "no-cors", "credentials": "include", "body": body}
        kind, length = page.evaluate(ask, [web.url + path, init])
        assert (kind, length) == ("opaque", 0)
    assert not Hold.objects.exists()
    assert not DeadMan.objects.exists()
    assert denials().count("csrf-failed") == 3


def test_our_own_page_without_the_token_does_nothing_either(visit_as: As, ada: User) -> None:
    page = visit_as(ada)("/holds")
    ask = """async ([path, token]) => (await fetch(path, {method: 'POST', redirect: 'manual',
      headers: token ? {'X-CSRFToken': token} : {}})).status"""
    token = page.attribute('form[action="/sign-out"] input[name="csrfmiddlewaretoken"]', "value")
    assert token
    for path in ("/stop", "/deadman/confirm", "/trading/halt", "/api/deadman"):
        assert page.evaluate(ask, [path, ""]) == 403, path
        assert page.evaluate(ask, [path, "b" * 64]) == 403, path
    assert not DeadMan.objects.exists()
    assert page.evaluate(ask, ["/api/deadman", token]) == 200
    assert DeadMan.objects.exists(), "with it the same request is let in"


# Frames -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/stop", "/sign-in", "/admin", "/api/docs", "/healthz"])
def test_no_page_lets_itself_be_framed(
    visit_as: As, web: Web, elsewhere: Elsewhere, path: str
) -> None:
    priya = _person("priya.raman", "Priya", "Raman", "administrator")
    page = visit_as(priya)(path)
    assert page.do(lambda one: one.url) == web.url + path
    page.do(lambda one: one.goto(elsewhere.page("/", f'<iframe src="{web.url}{path}"></iframe>')))
    page.wait("true")
    frames = page.do(lambda one: [frame.url for frame in one.frames])
    assert frames[1:] == ["chrome-error://chromewebdata/"]
    assert any("frame-ancestors" in one for one in page.complaints)


# Injected script ----------------------------------------------------------------------------------

INJECTED = """elsewhere => {
  window.ran = [];
  const put = (tag, facts) => {
    const one = document.createElement(tag);
    Object.entries(facts).forEach(([name, value]) => one.setAttribute(name, value));
    document.body.append(one); return one; };
  const inline = document.createElement('script');
  inline.textContent = "window.ran.push('inline')"; document.body.append(inline);
  put('script', {src: elsewhere + '/evil.js'});
  put('script', {src: "data:text/javascript,window.ran.push('data')"});
  put('img', {src: '/none.png', onerror: "window.ran.push('handler')"});
  put('img', {src: elsewhere + '/pixel.png'});
  put('iframe', {src: elsewhere + '/frame'});
  put('iframe', {srcdoc: "<script>parent.ran.push('srcdoc')</script>"});
  put('link', {rel: 'stylesheet', href: elsewhere + '/evil.css'});
  put('object', {data: elsewhere + '/object'});
  put('base', {href: elsewhere + '/'});
  put('a', {href: "javascript:window.ran.push('link')"}).click();
  const button = put('button', {onclick: "window.ran.push('click')"}); button.click();
  fetch(elsewhere + '/fetch').catch(() => {});
  navigator.sendBeacon(elsewhere + '/beacon', 'x');
  try { new WebSocket(elsewhere.replace('http', 'ws') + '/socket'); } catch { }
  const form = put('form', {action: elsewhere + '/form', method: 'post'}); form.submit();
}"""
REFUSED = (
    "script-src", "img-src", "style-src", "connect-src", "form-action", "base-uri",
)  # fmt: skip


@pytest.mark.parametrize("path", ["/", "/sign-in", "/admin", "/security"])
def test_injected_script_does_not_run_and_reaches_nobody(
    visit_as: As, web: Web, elsewhere: Elsewhere, path: str
) -> None:
    elsewhere.page("/evil.js", "window.ran.push('foreign')")
    page = visit_as(_person("priya.raman", "Priya", "Raman", "administrator"))(path)
    assert not [one for one in page.complaints if "CSP" in one]
    page.evaluate(INJECTED, elsewhere.url)
    page.pause(0.5)
    assert page.evaluate("window.ran") == []
    assert page.do(lambda one: one.url) == web.url + path
    assert elsewhere.asked == []
    text = " ".join(page.complaints)
    assert [name for name in REFUSED if name not in text] == []
    assert "frame-src" in text or "default-src" in text


def test_what_people_write_is_shown_and_not_run(
    visit_as: As, ada: User, books: list[Strategy]
) -> None:
    evil = "<script>window.ran=1</script><img src=x onerror=window.ran=2>\"'><svg onload=x>"
    hold = new_hold(reason=evil)
    for path in ("/holds", f"/holds/{hold.id}", "/strategies/mom-eurusd"):
        page = visit_as(ada)(path)
        assert page.evaluate("window.ran") is None
        assert evil in page.evaluate("document.body.textContent"), path
        assert not [one for one in page.complaints if "CSP" in one]
