"""What is proven of one entry, in the words of its page: four checks, each made now."""

import datetime as dt
import uuid
from dataclasses import dataclass

from audit.proving import Proof, entry_prove
from audit.signing import SigningKeyError
from audit.verifier import encode64
from console.pages import formats


@dataclass(frozen=True)
class Check:
    """``state``: yes, no, or pending: it is too early to say."""

    state: str
    words: str
    said: str
    beside: str = ""


@dataclass(frozen=True)
class ProofView:
    """``leaf``: what the entry's bytes come to now, in base64; empty before it has a place."""

    checks: tuple[Check, ...]
    place: str = ""
    leaf: str = ""
    size: str = ""


def proof_view(ident: uuid.UUID) -> ProofView:
    """Raises db.Error."""
    try:
        found = entry_prove(ident)
    except (SigningKeyError, OSError) as error:
        return ProofView((Check("pending", "Not looked at", f"its keys cannot be read: {error}"),))
    if found is None:
        return ProofView((
            Check("pending", "No place yet", "the sequencer gives it one after its transaction"),
        ))  # fmt: skip
    checks = (_leaf(found), _chain(found), _included(found), _kept(found))
    size = f"{found.checkpoint.size:,}" if found.checkpoint else ""
    return ProofView(checks, f"{found.index:,}", encode64(found.leaf), size)


def _leaf(found: Proof) -> Check:
    if found.altered:
        return Check("no", "Not the entry that was placed", found.altered)
    return Check("yes", "Leaf equals the entry", "recomputed now, from its bytes as stored", "now")


def _chain(found: Proof) -> Check:
    if found.unlinked:
        return Check("no", "The chain is broken here", found.unlinked)
    before = f"after entry {found.index - 1:,}" if found.index else "the first of all"
    return Check("yes", "Follows in the chain", before, "now")


def _included(found: Proof) -> Check:
    signed = found.checkpoint
    if signed is None and not found.unproven:
        return Check("pending", "Under no checkpoint yet", "one is signed every half a minute")
    if signed is None or found.unproven:
        return Check("no", "Not shown to lie in a checkpoint", found.unproven)
    hashes = f"path of {len(found.path)} {'hash' if len(found.path) == 1 else 'hashes'}"
    said = f"{hashes}, root {encode64(signed.root)[:12]}"
    words = f"Included in checkpoint {signed.size:,}"
    return Check("yes", words, said, _clock(signed.said("time")))


def _kept(found: Proof) -> Check:
    if not found.kept:
        return Check("pending", "Not anchored yet", "no place outside the database keeps it")
    said = ", ".join(f"{one.anchor} {formats.clock(one.at)}" for one in found.kept)
    count = len(found.kept)
    return Check("yes", "Anchored outside", said, f"{count} {'place' if count == 1 else 'places'}")


def _clock(said: str) -> str:
    try:
        return formats.clock(dt.datetime.fromisoformat(said))
    except ValueError:
        return said
