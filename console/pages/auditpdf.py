"""An export of the record for people: a PDF that says who made it, of what, and what it proves."""

from collections.abc import Iterator, Mapping
from typing import Any

from audit.differing import changes
from audit.exporting import Placed, Sealing, Stamp
from audit.forms import Matter, facts_of
from audit.verifier import Checkpoint, encode64
from console.pages import auditwords, words
from console.pages.pdfsheet import Column, Sheet, bold, dim, mono, shown

CHUNK = 64 * 1024
CHANGES_MOST, VALUE_MOST = 12, 160
NOT_PROVEN = (
    "This document is for reading, and proves nothing: whoever has it can alter it, and it shows"
    " entries in words, long ones cut. What is proven is the export of the same choice as JSON"
    " lines (form jsonl): each of its entries with the hashes that lead to the root above. In a"
    " folder of its own, python verifier.py export.jsonl --key audit.pem says whether they are"
    " whole, or which is the first that is not. Neither shows that no other entry fits the choice;"
    " an export of the whole record does. Entries newer than the checkpoint are not in it. SHA-256"
    " of this document, and how many entries it has, is itself in the record: entry"
    " audit.export-end, of the time of this export."
)
_COLUMNS = (
    Column("Entry", 48), Column("Recorded, UTC", 74), Column("What", 128), Column("On", 152),
    Column("Who", 112), Column("Why, and what changed", 260),
)  # fmt: skip
_FILTER_WORDS = {
    "q": "words", "from": "recorded since", "to": "recorded before", "what": "what",
    "action": "action", "actor": "who", "role": "role, as held then", "actor_kind": "kind of actor",
    "on_behalf_of": "on behalf of", "object": "on", "correlation": "correlation",
    "request": "request", "outcome": "outcome", "families": "families", "story": "story",
}  # fmt: skip


class Pdf:
    """``names``: what people are called, by user name; ``most``: entries that it takes."""

    name, media = "pdf", "application/pdf"

    def __init__(self, names: Mapping[str, str], most: int | None = None) -> None:
        self._names = names
        self.most = most

    def lines(self, matter: Matter, sealing: Sealing) -> Iterator[bytes]:
        """Set as a whole, then given out."""
        stamp, head = matter.stamp, matter.head
        foot = (
            f"{_log(head)} · exported by {stamp.by}, {_time(stamp.at)} UTC · to be read, no proof"
        )
        sheet = Sheet(f"Audit record, {_log(head)}", stamp.by, foot, _COLUMNS)
        rows = [self._cells(one) for one in matter.entries]
        _cover(sheet, stamp, head, len(rows))
        if rows:
            sheet.table_begin()
        for cells in rows:
            sealing.entries += 1
            sheet.row(cells)
        sheet.gap()
        sheet.text(f"End: {_count(len(rows))}.")
        data = sheet.end()
        for start in range(0, len(data), CHUNK):
            yield sealing.passed(data[start : start + CHUNK])

    def _cells(self, one: Placed) -> list[str]:
        facts = facts_of(one)
        said = {name: str(facts.get(name) or "") for name in _SAID}
        action, outcome = said["action"], said["outcome"] or "done"
        kind, ident = said["object_kind"], said["object_id"]
        thing = auditwords.object_words(kind, ident, facts, self._names)
        day, _, clock = one.recorded_at.partition("T")
        return [
            f"{one.index:,}",
            f"{day}<br/>{clock.rstrip('Z')}",
            f"{bold(shown(auditwords.action_words(action, outcome)))}<br/>{mono(shown(action))}",
            f"{shown(thing)}<br/>{mono(shown(f'{kind}:{ident}'))}",
            self._who(said),
            _why(action, facts, said["reason"]),
        ]

    def _who(self, said: Mapping[str, str]) -> str:
        who = shown(words.who_words(said["actor"], self._names))
        beside = [said["actor"]] if who != said["actor"] else []
        beside += [auditwords.ACTOR_WORDS.get(said["actor_kind"], said["actor_kind"])]
        if said["on_behalf_of"] not in ("", said["actor"]):
            beside.append(f"for {words.who_words(said['on_behalf_of'], self._names)}")
        beside += [f"from {said['source']}"] if said["source"] else []
        return f"{who}<br/>{dim(shown(', '.join(beside)))}"


_SAID = ("action", "outcome", "object_kind", "object_id", "actor", "actor_kind", "on_behalf_of",
         "source", "reason")  # fmt: skip


def _cover(sheet: Sheet, stamp: Stamp, head: Checkpoint, count: int) -> None:
    sheet.title("Audit record")
    sheet.fact("Desk", shown(_log(head)))
    sheet.fact("Exported by", shown(stamp.by))
    sheet.fact("At", f"{_time(stamp.at)} UTC")
    sheet.fact("Choice", _choice(stamp.chosen))
    sheet.fact(
        "Entries", f"{_count(count)}, oldest first, of the {head.size:,} under the checkpoint"
    )
    sheet.fact("Checkpoint", f"{head.size:,} entries, signed {_time(head.said('time'))} UTC,"
               f" root {mono(shown(encode64(head.root)))}")  # fmt: skip
    sheet.section("What this does not prove")
    sheet.text(NOT_PROVEN)
    sheet.section("The checkpoint, as it was signed")
    sheet.code(head.note.split("\n"))


def _choice(chosen: Mapping[str, Any]) -> str:
    if not chosen:
        return "the whole record"
    return ", ".join(
        f"{_FILTER_WORDS.get(name, name)} {bold(shown(str(value)))}"
        for name, value in chosen.items()
    )


def _why(action: str, facts: Mapping[str, Any], reason: str) -> str:
    said = auditwords.said_words(action, facts, reason)
    found = [shown(said)] if said else []
    before, after = facts.get("before"), facts.get("after")
    given = changes(
        before if isinstance(before, Mapping) else None,
        after if isinstance(after, Mapping) else None,
    )
    moved = [one for one in given if one.changed and one.before is not None]
    rest = [one for one in given if one.before is None]
    for one in moved[:CHANGES_MOST]:
        old, new = shown(one.before or "", VALUE_MOST), shown(one.after or "–", VALUE_MOST)
        found.append(f"{dim(shown(one.name))} <strike>{old}</strike> → {new}")
    beside = [
        f"{dim(shown(one.name))} {shown(one.after or '', VALUE_MOST)}"
        for one in rest[:CHANGES_MOST]
    ]
    left = max(0, len(moved) - CHANGES_MOST) + max(0, len(rest) - CHANGES_MOST)
    beside += [dim(f"and {left} more")] if left else []
    return "<br/>".join([*found, " · ".join(beside)] if beside else found)


def _log(head: Checkpoint) -> str:
    """The record's name, without which of its incarnations it is."""
    return head.origin.rpartition("/")[0] or head.origin


def _time(said: str) -> str:
    """Without its fraction."""
    return said.partition(".")[0].replace("T", " ").rstrip("Z")


def _count(number: int) -> str:
    return f"{number:,} {'entry' if number == 1 else 'entries'}"
