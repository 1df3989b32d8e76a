"""Making signed checkpoints (C2SP tlog-checkpoint, in a signed note). Reading is audit.verifier's.

Three lines, then ours: ``chain`` (the chain's last value), ``time``, and on the first of an
incarnation that continues another, ``restored-from ORIGIN SIZE ROOT``: the last checkpoint of that
one which is kept outside. Its own size says where it goes on.
"""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from audit.canonical import rfc3339
from audit.signing import Signer
from audit.verifier import RESTORED_FROM, Checkpoint, Key, encode64


def key_of(signer: Signer) -> Key:
    return Key(signer.public_raw)


def checkpoint_sign(
    *,
    origin: str,
    size: int,
    root: bytes,
    chain: bytes,
    now: dt.datetime,
    signers: Sequence[Signer],
    restored_from: Checkpoint | None = None,
) -> Checkpoint:
    """Signed by each of ``signers``: when the key changes, by the old one and by the new."""
    lines = [f"chain {encode64(chain)}", f"time {rfc3339(now)}"]
    if restored_from is not None:
        before = restored_from
        lines.append(f"{RESTORED_FROM} {before.origin} {before.size} {encode64(before.root)}")
    plain = Checkpoint(origin, size, root, tuple(lines))
    signatures = tuple(
        (origin, key_of(one).hint(origin), one.sign_bytes(plain.text)) for one in signers
    )
    return dataclasses.replace(plain, signatures=signatures)
