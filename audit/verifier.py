"""Verifies an export of Haltline's record: this one file, Python's library, and `cryptography`.

    python verifier.py export.jsonl --key audit.pem [--old-key FILE…] [--checkpoint FILE…]

Says whether the record is whole, or the first bad index and why. ``--key`` is the public key in
force (PEM), ``--old-key`` one of before; ``--checkpoint`` is anything that was kept earlier: the
anchor file, another export, a single note. They show what no export can show of itself: that its
end was cut off, or that all of it was written anew.

Exit status: 0 whole, 1 not whole, 2 wrongly called, 3 whole, but after a loss that the record
itself states (a database that was restored from an older copy).

Forms: RFC 9162 Merkle tree, C2SP signed notes and checkpoints, Ed25519. docs/audit-chain.md.
"""

import argparse
import base64
import binascii
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
CHAIN_START = bytes(HASH_BYTES)
FORM, VERSION = "audit-export", 1
KEY_CHANGE = "audit.key-change"
RESTORED_FROM = "restored-from"
WHOLE, NOT_WHOLE, WRONGLY_CALLED, AFTER_LOSS = 0, 1, 2, 3
_ED25519 = b"\x01"
_KEY_CHANGE = f'"action":"{KEY_CHANGE}"'.encode()
_B64_HASH = rb"[A-Za-z0-9+/]{43}="
_LINE = re.compile(
    rb'\{"index":(0|[1-9][0-9]{0,15}),'
    rb'"recorded_at":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z)",'
    rb'"chain":"(' + _B64_HASH + rb')"'
    rb'(?:,"proof":\[((?:"' + _B64_HASH + rb'"(?:,(?=")|(?=\])))*)\])?'
    rb',"body":(.*)\}\n'
)  # fmt: skip
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")
_NAME = re.compile(r"[^\s+]+")


class ProofError(ValueError):
    """A proof shows nothing; the message says why."""


class NoteError(ValueError):
    """No signed checkpoint; the message says what is wrong with it."""


class BadError(ValueError):
    """The record is not what was signed, at index ``first``; ``last`` when it is one of a range.

    ``first`` is None when no entry is wrong but what stands around them.
    """

    def __init__(self, why: str, first: int | None = None, last: int | None = None) -> None:
        super().__init__(why)
        self.first = first
        self.last = first if last is None else last

    @property
    def where(self) -> str:
        if self.first is None:
            return "outside the entries"
        if self.last == self.first:
            return f"first bad index {self.first}"
        return f"first bad index between {self.first} and {self.last}"


# --- RFC 9162: the tree ---------------------------------------------------------------------------


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def entry_leaf(recorded_at: bytes, body: bytes) -> bytes:
    """Leaf of an entry: over when it was recorded (RFC 3339, UTC, microseconds) and its bytes."""
    return hashlib.sha256(b"\0" + recorded_at + b"\n" + body).digest()


def chain_next(before: bytes, index: int, leaf: bytes) -> bytes:
    """The chain's value at ``index``, from that of the entry before (CHAIN_START at 0)."""
    return hashlib.sha256(b"\2" + before + index.to_bytes(8, "big") + leaf).digest()


class RightEdge:
    """A tree by its perfect subtrees, largest first: all that appending and the root need."""

    def __init__(self, size: int = 0, nodes: Sequence[bytes] = ()) -> None:
        self.size = size
        self.nodes = list(nodes)
        if len(self.nodes) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} perfect subtrees")

    def append(self, leaf: bytes) -> None:
        rest, nodes = self.size, self.nodes
        while rest & 1:
            leaf = node_hash(nodes.pop(), leaf)
            rest >>= 1
        nodes.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        if not self.nodes:
            return EMPTY_ROOT
        root = self.nodes[-1]
        for node in reversed(self.nodes[:-1]):
            root = node_hash(node, root)
        return root


def _check_hashes(*hashes: bytes) -> None:
    if any(len(one) != HASH_BYTES for one in hashes):
        raise ProofError(f"a hash has {HASH_BYTES} bytes")


def check_inclusion(
    *, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """RFC 9162 2.1.3.2; refuses empty hashes and trees besides. Raises ProofError."""
    if not 0 <= index < size:
        raise ProofError(f"no index {index} in a tree of {size}")
    _check_hashes(leaf, root, *proof)
    at, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            raise ProofError("the proof is too long")
        if at & 1 or at == last:
            found = node_hash(step, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, step)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise ProofError("the proof is too short")
    if found != root:
        raise ProofError("the proof leads to another root")


def check_consistency(
    *, size1: int, size2: int, root1: bytes, root2: bytes, proof: Sequence[bytes]
) -> None:
    """RFC 9162 2.1.4.2; an empty tree, with which everything is consistent, proves nothing here.

    Raises ProofError.
    """
    if not 0 < size1 <= size2:
        raise ProofError(f"nothing to prove between trees of {size1} and {size2}")
    if size1 == size2:  # nothing is computed: whatever a root is, it is the same one
        if proof or root1 != root2:
            raise ProofError("trees of one size have one root, and need no proof")
        return
    _check_hashes(root1, root2, *proof)
    path = list(proof) if size1 & (size1 - 1) else [root1, *proof]
    if not proof:
        raise ProofError("the proof is empty")
    old, new = _climb(size1, size2, path)
    if old != root1:
        raise ProofError("the proof leads to another old root")
    if new != root2:
        raise ProofError("the proof leads to another new root")


def _climb(size1: int, size2: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    at, last = size1 - 1, size2 - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = path[0]
    for step in path[1:]:
        if last == 0:
            raise ProofError("the proof is too long")
        if at & 1 or at == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, step)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise ProofError("the proof is too short")
    return old, new


# --- C2SP: signed notes and checkpoints -----------------------------------------------------------


def decode64(text: str) -> bytes:
    """Standard base64 in its one spelling. Raises ValueError."""
    raw = base64.b64decode(text, validate=True)
    if base64.b64encode(raw).decode() != text:
        raise ValueError("base64 in a second spelling")
    return raw


def encode64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@dataclass(frozen=True)
class Key:
    """A public key; ``id`` is the first 8 bytes of SHA-256 over it, in hex."""

    raw: bytes

    @property
    def id(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()[:16]

    def hint(self, name: str) -> bytes:
        """C2SP's key id, which depends on the name it signs as."""
        return hashlib.sha256(name.encode() + b"\n" + _ED25519 + self.raw).digest()[:4]

    def signed(self, text: bytes, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, text)
        except InvalidSignature:
            return False
        return True


def key_of_pem(pem: bytes) -> Key:
    """Raises ValueError for anything but an Ed25519 public key."""
    try:
        public = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("no PEM public key") from None
    if not isinstance(public, Ed25519PublicKey):
        raise ValueError("no Ed25519 key")
    raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
    return Key(public.public_bytes(*raw))


@dataclass(frozen=True)
class Checkpoint:
    """What was signed: the tree of ``size`` entries of log ``origin`` has ``root``."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()
    signatures: tuple[tuple[str, bytes, bytes], ...] = field(default=(), compare=False)
    """Name, key hint and signature of each."""

    @property
    def text(self) -> bytes:
        lines = (self.origin, str(self.size), encode64(self.root), *self.extensions)
        return ("\n".join(lines) + "\n").encode()

    @property
    def note(self) -> str:
        made = self.signatures
        lines = (f"\N{EM DASH} {name} {encode64(hint + raw)}\n" for name, hint, raw in made)
        return self.text.decode() + "\n" + "".join(lines)

    def said(self, word: str) -> str:
        """Its line that begins with ``word``, without it; empty when it has none."""
        found = [one for one in self.extensions if one.startswith(f"{word} ")]
        return found[0].partition(" ")[2] if found else ""

    @property
    def restored_from(self) -> tuple[str, int] | None:
        """Origin and size of the last checkpoint of the incarnation that this one continues."""
        parts = self.said(RESTORED_FROM).split(" ")
        return (parts[0], int(parts[1])) if len(parts) == 3 else None

    def signers(self, keys: Iterable[Key]) -> tuple[Key, ...]:
        """The keys that signed it. Raises NoteError when one of them did not, though it says so."""
        found = []
        for key in keys:
            hint = key.hint(self.origin)
            for name, given, signature in self.signatures:
                if name == self.origin and given == hint:
                    if not key.signed(self.text, signature):
                        raise NoteError(f"{self}: the signature of key {key.id} is wrong")
                    found.append(key)
        return tuple(found)

    def __str__(self) -> str:
        return f"checkpoint of {self.size} entries of {self.origin}"


def parse_checkpoint(note: str) -> Checkpoint:
    """Strictly: what has a second spelling is refused. Raises NoteError."""
    if re.search("[\x00-\x09\x0b-\x1f\x7f\ufffd]", note):
        raise NoteError("no note: it has control characters")
    text, gap, block = note.rpartition("\n\n")
    lines = text.split("\n")
    if not gap or not block.endswith("\n") or len(lines) < 3 or not all(lines):
        raise NoteError("no note of a checkpoint: origin, size, root, an empty line, signatures")
    origin, size, root, *extensions = lines
    signatures = tuple(_signature(one) for one in block[:-1].split("\n"))
    if not _NAME.fullmatch(origin):
        raise NoteError(f"the origin {origin!r} is no name")
    if not _SIZE.fullmatch(size):
        raise NoteError(f"the size {size!r} is no number")
    try:
        raw = decode64(root)
    except ValueError:
        raw = b""
    if len(raw) != HASH_BYTES:
        raise NoteError(f"the root {root!r} is no hash in base64")
    made = Checkpoint(origin, int(size), raw, tuple(extensions), signatures)
    _check_lines(made)
    return made


def _check_lines(made: Checkpoint) -> None:
    parts = made.said(RESTORED_FROM).split(" ")
    if parts != [""] and (len(parts) != 3 or not _SIZE.fullmatch(parts[1])):
        raise NoteError(f"{RESTORED_FROM} says origin, size and root")


def _signature(line: str) -> tuple[str, bytes, bytes]:
    dash, _, rest = line.partition(" ")
    name, gap, text = rest.partition(" ")
    try:
        raw = decode64(text)
    except (ValueError, binascii.Error):
        raw = b""
    if dash != "\N{EM DASH}" or not gap or not _NAME.fullmatch(name) or len(raw) < 5:
        raise NoteError("a signature is an em dash, a name and base64")
    return name, raw[:4], raw[4:]


# --- The record -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trust:
    """``key`` must have signed the newest checkpoint; older ones may be by one of ``old``."""

    keys: tuple[Key, ...]
    old: tuple[Key, ...] = ()

    def check_head(self, head: Checkpoint) -> None:
        """Raises NoteError."""
        if not head.signers(self.keys):
            why = "by an old key" if head.signers(self.old) else "by none of the keys given"
            raise NoteError(f"{head} is the newest and signed {why}")

    def signers(self, one: Checkpoint) -> tuple[Key, ...]:
        """Raises NoteError when no known key has signed."""
        found = one.signers((*self.keys, *self.old))
        if not found:
            raise NoteError(f"{one} is signed by none of the keys given")
        return found


class Walk:
    """The whole record, entry by entry from index 0, against its chain and what was signed.

    ``head``: the newest checkpoint, which decides where the record ends. ``known``: all others, of
    this incarnation or of one it continues. Raises BadError, everywhere, at the first bad index.
    """

    def __init__(self, head: Checkpoint, known: Iterable[Checkpoint], trust: Trust) -> None:
        self.head, self._trust = head, trust
        self.edge, self.chain = RightEdge(), CHAIN_START
        self._lost: dict[str, tuple[int, int]] = {}
        self.fitting = 0
        self._good = 0
        self._keys: list[tuple[int, str]] = []  # size from which a key is in force, and its id
        _trusted(lambda: trust.check_head(head))
        self._due = sorted([head, *self._expected(list(known))], key=lambda one: -one.size)
        self._check_due()

    @property
    def lost(self) -> list[str]:
        """What was signed and is stated to have been lost with a restored database."""
        return [f"entries {a} to {b - 1} of {origin}" for origin, (a, b) in self._lost.items()]

    def _expected(self, known: list[Checkpoint]) -> list[Checkpoint]:
        """Those that lie in this record. Raises BadError for one that should and does not."""
        for one in known:
            _trusted(lambda one=one: self._trust.signers(one))  # type: ignore[misc]
        ends = lineage(self.head, known)
        found = []
        for one in known:
            if one.origin not in ends:
                raise BadError(f"{one} is of another log than {self.head}")
            end, stated = ends[one.origin]
            if one.size <= end:
                found.append(one)
            elif one.size <= stated:
                self._lost[one.origin] = end, max(one.size, self._lost.get(one.origin, (0, 0))[1])
            else:
                raise BadError(f"the record ends before the {one}: its end was cut off,"
                               " or this is older than that", end)  # fmt: skip
        return found

    def add(self, recorded_at: bytes, body: bytes, chain: bytes) -> bytes:
        """The next entry, with the chain's value (base64) that stands beside it; its leaf."""
        index = self.edge.size
        leaf = entry_leaf(recorded_at, body)
        self.chain = chain_next(self.chain, index, leaf)
        if base64.b64encode(self.chain) != chain:
            raise BadError("the chain does not lead from the entry before to this one", index)
        self.edge.append(leaf)
        if _KEY_CHANGE in body:
            self._key_changes(body)
        if self._due and self._due[-1].size == self.edge.size:
            self._check_due()
        return leaf

    def end(self) -> None:
        """No entry follows."""
        if self.edge.size < self.head.size:
            raise BadError(f"ends here, and the {self.head} was signed", self.edge.size)

    def _key_changes(self, body: bytes) -> None:
        change = key_change(body)
        if change is None:
            return
        before, after = change
        self._keys = self._keys or [(0, before)]
        self._keys.append((self.edge.size, after))

    def _check_due(self) -> None:
        while self._due and self._due[-1].size == self.edge.size:
            one = self._due.pop()
            if one.root != self.edge.root():
                raise BadError(f"other entries were signed: {one}", self._good, one.size - 1)
            said = one.said("chain")
            if said and said != encode64(self.chain):
                raise BadError(f"another chain was signed: {one}", self._good, one.size - 1)
            self._check_signer(one)
            self.fitting += 1
        self._good = self.edge.size

    def _check_signer(self, one: Checkpoint) -> None:
        force = [key for since, key in self._keys if since <= one.size]
        if force and force[-1] not in {key.id for key in self._trust.signers(one)}:
            raise BadError(f"{one} is signed by another key than {force[-1]}, then in force",
                           max(one.size - 1, 0))  # fmt: skip


def _trusted(check: Callable[[], object]) -> None:
    try:
        check()
    except NoteError as error:
        raise BadError(str(error)) from None


def key_change(body: bytes) -> tuple[str, str] | None:
    """Ids of old and new key when ``body`` is the entry of a change of key."""
    try:
        facts = json.loads(body)
        if facts["action"] != KEY_CHANGE:
            return None
        return str(facts["before"]["key_id"]), str(facts["after"]["key_id"])
    except (ValueError, LookupError, TypeError):
        return None


def lineage(head: Checkpoint, known: Iterable[Checkpoint]) -> dict[str, tuple[int, int]]:
    """Origins that ``head`` continues -> where each ends in this record, and to where it is stated
    to have gone before a restored database took its end away."""
    begun = {one.origin: one for one in [*known, head] if one.restored_from}
    ends = {head.origin: (head.size, head.size)}
    origin = head.origin
    while origin in begun:
        start = begun[origin]
        before, stated = start.restored_from or ("", 0)
        if before in ends:
            break
        ends[before] = (min(start.size, ends[origin][0]), stated)  # restored twice: the shorter
        origin = before
    return ends


# --- Exports --------------------------------------------------------------------------------------


@dataclass
class Verdict:
    """What was found of an export that holds. ``complete``: it has every entry of the record."""

    entries: int
    complete: bool
    walk: Walk
    header: Mapping[str, Any]

    @property
    def head(self) -> Checkpoint:
        return self.walk.head


def verify_export(
    lines: Iterable[bytes],
    trust: Trust,
    earlier: Iterable[Checkpoint] = (),
    progress: Callable[[int], object] = lambda _: None,
) -> Verdict:
    """Raises BadError. ``progress`` is told after every line how many bytes it had."""
    rest = iter(lines)
    digest = hashlib.sha256()
    header = _header(next(rest, b""), digest)
    head, begun = header["checkpoint"], header["incarnations"]
    walk = Walk(head, [*begun, *earlier], trust)
    reading = _whole if header["whole"] else _part
    count, last = reading(rest, walk, digest, progress)
    _footer(last, count, digest.hexdigest())
    if next(rest, b""):
        raise BadError("something follows the end line")
    return Verdict(count, bool(header["whole"]), walk, header)


def _header(line: bytes, digest: Any) -> dict[str, Any]:
    try:
        header = json.loads(line)
        if (header["haltline"], header["version"]) != (FORM, VERSION):
            raise BadError(f"the first line is of another form than {FORM} {VERSION}")
        header["checkpoint"] = parse_checkpoint(header["checkpoint"])
        header["incarnations"] = [parse_checkpoint(one) for one in header["incarnations"]]
        header["whole"] = bool(header["whole"])
    except NoteError as error:
        raise BadError(f"the first line: {error}") from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise BadError("the first line is no header of an export") from None
    digest.update(line)
    return dict(header)


def _whole(
    lines: Iterator[bytes], walk: Walk, digest: Any, progress: Callable[[int], object]
) -> tuple[int, bytes]:
    size, add, match, update = walk.head.size, walk.add, _LINE.fullmatch, digest.update
    line = b""
    for index in range(size):
        line = next(lines, b"")
        found = match(line)
        if found is None:
            raise BadError(_no_entry(line, walk.head), index)
        number, recorded_at, chain, _, body = found.groups()
        if int(number) != index:
            raise BadError(f"here stands the entry {int(number)}", index)
        add(recorded_at, body, chain)
        update(line)
        progress(len(line))
    walk.end()
    last = next(lines, b"")
    if match(last):
        raise BadError(f"an entry more than the {walk.head} has", size)
    return size, last


def _no_entry(line: bytes, head: Checkpoint) -> str:
    if not line or line.startswith(b'{"end":'):
        return f"ends here, and the {head} was signed"
    return "the line is no entry"


def _part(
    lines: Iterator[bytes], walk: Walk, digest: Any, progress: Callable[[int], object]
) -> tuple[int, bytes]:
    """Entries that were chosen, each with its own proof. Without all, only the head is compared."""
    head, count, before, chain_before = walk.head, 0, -1, b""
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None:
            return count, line
        number, recorded_at, chain, proof, body = found.groups()
        index, leaf = int(number), entry_leaf(recorded_at, body)
        if index <= before:
            raise BadError("stands after a later one", index)
        try:
            hashes = [decode64(one) for one in re.findall(r'"([^"]*)"', (proof or b"").decode())]
            check_inclusion(index=index, size=head.size, leaf=leaf, proof=hashes, root=head.root)
        except ValueError as error:
            raise BadError(f"not shown to lie in the record: {error}", index) from None
        _check_link(before, chain_before, index, leaf, chain)
        count, before, chain_before = count + 1, index, chain
        digest.update(line)
        progress(len(line))
    return count, b""


def _check_link(before: int, chain_before: bytes, index: int, leaf: bytes, chain: bytes) -> None:
    """Neighbours in the record are neighbours in the chain."""
    if index not in (0, before + 1):
        return
    start = CHAIN_START if index == 0 else base64.b64decode(chain_before)
    if base64.b64encode(chain_next(start, index, leaf)) != chain:
        raise BadError("the chain does not lead from the entry before to this one", index)


def _footer(line: bytes, count: int, digest: str) -> None:
    wanted = end_line(count, digest)
    if line == wanted:
        return
    if not line:
        raise BadError(f"ends after {count} entries without an end line")
    if not line.startswith(b'{"end":'):
        raise BadError(f"line {count + 2} is no entry")
    raise BadError("the end line is of another file: lines were altered, or are missing")


def end_line(count: int, digest: str) -> bytes:
    """The last line: how many entries, and SHA-256 over all lines before."""
    return f'{{"end":true,"entries":{count},"sha256":"{digest}"}}\n'.encode()


def read_checkpoints(data: bytes, name: str) -> list[Checkpoint]:
    """Of an anchor file or export (JSON lines) or of a single note.

    Those of one origin stand in the order in which they grew. Raises BadError naming the line.
    """
    if not data.startswith(b"{"):
        notes = [(1, data.decode(errors="replace"))]
    else:
        notes = list(_notes_in(data, name))
    found: list[Checkpoint] = []
    newest: dict[str, Checkpoint] = {}
    for number, note in notes:
        try:
            one = parse_checkpoint(note)
        except NoteError as error:
            raise BadError(f"{name}, line {number}: {error}") from None
        before = newest.setdefault(one.origin, one)
        if (one.size, one.said("time")) < (before.size, before.said("time")):
            raise BadError(f"{name}, line {number}: the {one} stands after a later one", one.size)
        newest[one.origin] = one
        found.append(one)
    return found


def _notes_in(data: bytes, name: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(data.splitlines(), 1):
        if line.startswith((b'{"index":', b'{"end":')):
            continue
        try:
            yield number, str(json.loads(line)["checkpoint"])
        except (ValueError, LookupError, TypeError):
            raise BadError(f"{name}, line {number}: no checkpoint") from None


# --- The command ----------------------------------------------------------------------------------


class Bar:
    """Progress on a terminal: share of the bytes, and entries so far."""

    EVERY = 1 << 14

    def __init__(self, total: int, out: IO[str]) -> None:
        self._total, self._out = max(total, 1), out
        self._bytes = self._entries = 0

    def __call__(self, count: int) -> None:
        self._bytes += count
        self._entries += 1
        if self._entries % self.EVERY == 0:
            share = min(self._bytes / self._total, 1.0)
            done = "#" * int(share * 30)
            self._out.write(f"\r[{done:<30}] {share:4.0%} {self._entries:,} entries")
            self._out.flush()

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        if self._entries >= self.EVERY:
            self._out.write("\r" + " " * 70 + "\r")


def _arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="verifier.py", description=(__doc__ or "").partition("\n")[0],
        epilog="exit status: 0 whole, 1 not whole, 2 wrongly called, 3 whole after a stated loss",
    )  # fmt: skip
    parser.add_argument("export", type=Path, help="an export of the record, JSON lines")
    parser.add_argument("--key", type=Path, action="append", required=True, metavar="FILE",
                        help="public key in force, PEM")  # fmt: skip
    parser.add_argument("--old-key", type=Path, action="append", default=[], metavar="FILE",
                        help="public key of before, PEM")  # fmt: skip
    parser.add_argument("--checkpoint", type=Path, action="append", default=[], metavar="FILE",
                        help="kept earlier: anchor file, export, or a note")  # fmt: skip
    parser.add_argument("--progress", action="store_true", help="a bar also without a terminal")
    return parser.parse_args(given)


def _key_at(path: Path) -> Key:
    try:
        return key_of_pem(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _told(found: Verdict) -> str:
    when = found.head.said("time") or "an unstated time"
    signed = f"as signed at {when} ({found.head})"
    if found.complete:
        text = f"whole: {found.entries:,} entries {signed}; {found.walk.fitting} checkpoints fit"
    else:
        text = (f"proven: {found.entries:,} chosen entries lie in the record {signed};"
                " that no other entry fits the choice is not shown, and earlier checkpoints"
                " are compared with the whole record only")  # fmt: skip
    return "\n".join([text, *(f"lost to a restored database: {one}" for one in found.walk.lost)])


def main(given: Sequence[str]) -> int:
    """The command; returns the exit status."""
    asked = _arguments(given)
    try:
        trust = Trust(tuple(map(_key_at, asked.key)), tuple(map(_key_at, asked.old_key)))
        total = asked.export.stat().st_size
        earlier = [one for path in asked.checkpoint
                   for one in read_checkpoints(path.read_bytes(), str(path))]  # fmt: skip
        with asked.export.open("rb") as lines, Bar(total, sys.stderr) as bar:
            shown = bar if asked.progress or sys.stderr.isatty() else (lambda _: None)
            found = verify_export(lines, trust, earlier, shown)
    except BadError as bad:
        print(f"NOT WHOLE: {bad.where}: {bad}")
        return NOT_WHOLE
    except (OSError, ValueError) as error:
        print(f"verifier.py: {error}", file=sys.stderr)
        return WRONGLY_CALLED
    print(_told(found))
    return AFTER_LOSS if found.walk.lost else WHOLE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
