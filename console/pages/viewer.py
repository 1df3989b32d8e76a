"""Who looks, and what of stopping and lifting is theirs: for words and buttons.

The services decide; what is said here only keeps people from asking in vain.
"""

from dataclasses import dataclass
from typing import Any

from console.access.record_readers import reads_record, reads_whole_record
from console.access.roles import reads_people
from console.pages import words
from riskctl.actors import Actor
from riskctl.holds import OWN, RULES, SYSTEM, TRADER, Kind
from trading.liquidation.service import may_flatten


@dataclass(frozen=True)
class LiftWay:
    """How a hold ends, for one person. ``word`` is the button's, ``short`` where there is little
    room; both empty where it is not theirs."""

    word: str
    short: str
    who: str
    people: int

    @property
    def mine(self) -> bool:
        return bool(self.word)


def lift_way(*, kind: str, scope: str, by: str, by_person: bool, actor: Actor) -> LiftWay:
    """What ``actor`` may do about a hold; ``who``: who may end it, in words."""
    rule = RULES[Kind(kind)]
    standing = actor.standings(scope, back=True)
    by_role = standing & rule.lifted_by
    if scope.startswith("strategy:") and OWN not in standing:
        by_role -= {TRADER}
    placer = rule.placer_lifts and by_person and by == actor.name
    mine = actor.kind == "person" and bool(by_role or (placer and standing & rule.placed_by))
    word = ("Resume…" if rule.people == 1 else "Ask to resume…") if mine else ""
    who = words.roles_words(rule.lifted_by) + (" or who placed it" if rule.placer_lifts else "")
    short = word if rule.people == 1 else "Ask…" if mine else ""
    return LiftWay(word, short, f"two people: {who}" if rule.people > 1 else who, rule.people)


def may_place(kind: Kind, scope: str, actor: Actor) -> bool:
    return bool(RULES[kind].placed_by & actor.standings(scope))


def placers_words(kind: Kind) -> str:
    """Who places a hold of this kind, without triggers."""
    return words.roles_words(RULES[kind].placed_by - {SYSTEM})


def viewer_facts(actor: Actor) -> dict[str, Any]:
    """For the page's script (static/js/viewer.js): who looks, and the table of rules."""
    return {
        "name": actor.name,
        "roles": sorted(actor.roles),
        "owns": sorted(actor.owns),
        "resumes": sorted(actor.owns if actor.resumes is None else actor.resumes),
        "flattens": may_flatten(actor),
        "people": reads_people(actor.roles),
        "record": reads_record(actor.roles),
        "whole_record": reads_whole_record(actor.roles),
        "rules": {
            str(kind): {
                "placed_by": sorted(rule.placed_by),
                "lifted_by": sorted(rule.lifted_by),
                "people": rule.people,
                "placer_lifts": rule.placer_lifts,
            }
            for kind, rule in RULES.items()
        },
    }
