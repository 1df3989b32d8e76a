"""A record made by hand, in memory: entries, chain, tree, signatures, exports of it."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.canonical import canonical_bytes, rfc3339
from audit.checkpoints import checkpoint_sign, key_of
from audit.exporting import Placed, Sealing, Stamp, entry_line, header_line
from audit.merkle import TILE_WIDTH, Load, Tree
from audit.signing import Signer
from audit.verifier import (
    CHAIN_START,
    Checkpoint,
    RightEdge,
    Trust,
    Verdict,
    chain_next,
    entry_leaf,
    verify_export,
)

NOW = dt.datetime(2026, 11, 21, 9, 30, tzinfo=dt.UTC)
ORIGIN = "haltline.test/audit/1"


def new_signer() -> Signer:
    return Signer(Ed25519PrivateKey.generate())


SIGNER = new_signer()
TRUST = Trust((key_of(SIGNER),))


def moment(number: int) -> dt.datetime:
    return NOW + dt.timedelta(seconds=number)


def body_of(number: int) -> bytes:
    return canonical_bytes(
        {"action": "limit.change", "id": f"{number:08d}", "reason": f'the {number}. of ü"\\'}
    )


def perfect_of(leaves: Sequence[bytes]) -> Load:
    """As a store has them: hashes of perfect subtrees, by tile level."""

    def load(level: int, first: int, count: int) -> list[bytes]:
        width = TILE_WIDTH**level
        found = []
        for number in range(first, first + count):
            edge = RightEdge()
            for leaf in leaves[number * width : (number + 1) * width]:
                edge.append(leaf)
            found.append(edge.root())
        return found

    return load


@dataclass
class Made:
    """``add`` entries, ``sign``, and ``export``; every field may be tampered with."""

    origin: str = ORIGIN
    signer: Signer = SIGNER
    times: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    chain: list[bytes] = field(default_factory=list)

    def add(self, *bodies: bytes) -> "Made":
        for body in bodies:
            self.times.append(rfc3339(moment(len(self.times))))
            self.bodies.append(body)
        self.relink(len(self.chain))
        return self

    def relink(self, start: int = 0) -> None:
        """A new chain from ``start`` on, as whoever tampers with the whole would make it."""
        del self.chain[start:]
        for index, leaf in enumerate(self.leaves[start:], start):
            before = self.chain[-1] if self.chain else CHAIN_START
            self.chain.append(chain_next(before, index, leaf))

    @property
    def leaves(self) -> list[bytes]:
        pairs = zip(self.times, self.bodies, strict=True)
        return [entry_leaf(at.encode(), body) for at, body in pairs]

    def tree(self, size: int | None = None) -> Tree:
        size = len(self.bodies) if size is None else size
        return Tree(size, perfect_of(self.leaves[:size]))

    def sign(
        self, size: int | None = None, *signers: Signer, restored_from: Checkpoint | None = None
    ) -> Checkpoint:
        size = len(self.bodies) if size is None else size
        return checkpoint_sign(
            origin=self.origin, size=size, root=self.tree(size).root(),
            chain=self.chain[size - 1] if size else CHAIN_START, now=moment(size),
            signers=signers or (self.signer,), restored_from=restored_from,
        )  # fmt: skip

    def lines(
        self,
        head: Checkpoint | None = None,
        chosen: Callable[[int], bool] | None = None,
        incarnations: Sequence[Checkpoint] = (),
    ) -> list[bytes]:
        """An export as its lines; of ``chosen`` indexes with proofs."""
        head = head or self.sign()
        stamp = Stamp(rfc3339(NOW), "ada.nwosu", {"action": "limit.change"}, chosen is None)
        tree = self.tree(head.size)
        entries = (
            entry_line(
                Placed(index, self.times[index], self.chain[index], self.bodies[index]),
                None if chosen is None else tree.inclusion(index),
            )
            for index in range(head.size)
            if chosen is None or chosen(index)
        )
        return list(Sealing().lines(header_line(stamp, head, incarnations), entries))


def made(count: int) -> Made:
    return Made().add(*map(body_of, range(count)))


def resealed(lines: Sequence[bytes]) -> list[bytes]:
    """The same lines with an end line that fits them, as whoever tampers would write it."""
    return list(Sealing().lines(lines[0], lines[1:-1]))


def verify(
    lines: Sequence[bytes], earlier: Sequence[Checkpoint] = (), trust: Trust = TRUST
) -> Verdict:
    return verify_export(lines, trust, earlier)
