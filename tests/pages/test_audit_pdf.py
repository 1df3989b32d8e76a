"""An export of the record for people: what a reader of the PDF finds in it."""

import hashlib
import io
from collections.abc import Sequence
from typing import Any

import pytest
from pypdf import PdfReader

from audit.canonical import canonical_bytes, rfc3339
from audit.exporting import Placed, Sealing, Stamp
from audit.forms import Matter
from audit.verifier import encode64
from console.pages import auditpdf
from console.pages.auditpdf import Pdf
from tests.audit.made import NOW, Made

FACTS: dict[str, Any] = {
    "action": "limit.raise", "outcome": "done", "actor": "ada.nwosu", "actor_kind": "person",
    "on_behalf_of": "", "object_kind": "limit", "object_id": "firm/gross-notional",
    "reason": "Raised & <checked>, ни шагу", "source": "10.0.0.7",
    "before": {"value": "1000000", "same": "x"}, "after": {"value": "2000000", "same": "x"},
}  # fmt: skip
BY = "ruth.adeyemi"
CHOSEN = {"from": "2026-11-21T00:00:00Z", "what": "holds,limits"}


def set_in_pdf(facts: Sequence[dict[str, Any]], chosen: dict[str, str]) -> tuple[bytes, Made]:
    made = Made().add(*(canonical_bytes(one) for one in facts))
    head = made.sign()
    entries = (
        Placed(index, made.times[index], made.chain[index], made.bodies[index])
        for index in range(len(facts))
    )
    stamp, sealing = Stamp(rfc3339(NOW), BY, chosen, not chosen), Sealing()
    matter = Matter(stamp, head, (head,), entries, lambda _: [])
    document = b"".join(Pdf({"ada.nwosu": "A. Nwosu"}).lines(matter, sealing))
    assert sealing.entries == len(facts)
    assert sealing.digest == hashlib.sha256(document).hexdigest()
    return document, made


def pages(document: bytes) -> list[str]:
    """Text of each, blanks and line ends made one blank."""
    return [" ".join(one.extract_text().split()) for one in PdfReader(io.BytesIO(document)).pages]


def test_it_says_who_when_of_what_and_what_it_does_not_prove() -> None:
    document, made = set_in_pdf([FACTS], CHOSEN)
    head, table = pages(document)
    for said in (
        "Audit record Desk haltline.test/audit", f"Exported by {BY}", "At 2026-11-21 09:30:00 UTC",
        "recorded since 2026-11-21T00:00:00Z, what holds,limits", "1 entry, oldest first",
        encode64(made.sign().root), "signed 2026-11-21 09:30:01 UTC",
        "What this does not prove", "proves nothing", "JSON lines", "verifier.py export.jsonl",
    ):  # fmt: skip
        assert said in head, said
    for said in (
        "Entry Recorded, UTC What On Who", "Limit raised limit.raise", "limit:firm/gross-notional",
        "A. Nwosu", "ada.nwosu, person, from 10.0.0.7", "Raised & <checked>, ни шагу",
        "value 1000000 → 2000000", "End: 1 entry.",
    ):  # fmt: skip
        assert said in table, said
    assert "same" not in table
    for number, one in enumerate((head, table), 1):
        assert f"page {number} of 2" in one
        assert f"haltline.test/audit · exported by {BY}" in one


def test_long_words_and_texts_wrap_and_no_page_is_left_out() -> None:
    long = {**FACTS, "object_kind": "path", "object_id": "/risk/" + "x" * 190,
            "reason": "word " * 400}  # fmt: skip
    found = pages(set_in_pdf([{**long, "source": str(n)} for n in range(30)], {})[0])
    assert "the whole record" in found[0]
    assert all("Entry Recorded, UTC What" in one for one in found[1:])
    text = " ".join(found)
    assert [text.count(f"from {n}") for n in (0, 14, 29)] == [1, 1, 1]
    assert "(cut here)" in text
    assert f"page {len(found)} of {len(found)}" in found[-1]
    assert "x" * 190 in text.replace(" ", "")


def test_what_no_font_has_is_named_and_an_altered_body_is_shown() -> None:
    document, _ = set_in_pdf([{**FACTS, "reason": "見る\x1b"}], {})
    assert "[U+898B][U+308B][U+001B]" in pages(document)[1]
    made = Made().add(b"no entry any more <b>")
    entries = iter([Placed(0, made.times[0], made.chain[0], made.bodies[0])])
    matter = Matter(Stamp(rfc3339(NOW), BY, {}, True), made.sign(), (), entries, lambda _: [])
    assert "no entry any more <b>" in pages(b"".join(Pdf({}).lines(matter, Sealing())))[1]


def test_changes_beyond_a_number_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditpdf, "CHANGES_MOST", 2)
    many = {**FACTS, "before": None, "after": {f"n{n}": n for n in range(5)}}
    assert "n0 0 · n1 1 · and 3 more" in pages(set_in_pdf([many], {})[0])[1]


def test_nothing_chosen_is_said() -> None:
    stamp, head = Stamp(rfc3339(NOW), BY, CHOSEN, False), Made().add(b"{}").sign()
    matter = Matter(stamp, head, (), iter(()), lambda _: [])
    (only,) = pages(b"".join(Pdf({}).lines(matter, Sealing())))
    assert "0 entries, oldest first, of the 1 under the checkpoint" in only
    assert "End: 0 entries." in only
