"""Hands checkpoints to an anchor that may be slow, in a thread of its own: the newest counts."""

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

import psycopg

from audit.anchors import Anchor, AnchorError
from audit.merkle import MissingHashError
from audit.places import PlaceStore
from audit.sequencer import Connect
from audit.verifier import Checkpoint


class Messenger:
    """``give`` returns at once; what came of it is taken from ``results``, in any thread."""

    def __init__(self, anchor: Anchor, connect: Connect) -> None:
        self.anchor = anchor
        self.results: SimpleQueue[tuple[int, str] | AnchorError] = SimpleQueue()
        self._connect = connect
        self._slot: tuple[int, Checkpoint] | None = None
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name=anchor.name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Ask it to end, and wait for so long; one that hangs is left."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join(timeout_s)

    def give(self, ident: int, checkpoint: Checkpoint) -> None:
        """To be kept; one that still waits gives way, for the newer one says all that it says."""
        if not checkpoint.size:
            return
        with self._changed:
            self._slot = ident, checkpoint
            self._changed.notify()

    def taken(self) -> list[tuple[int, str] | AnchorError]:
        """What came of it since the last call: id and answer, or why not."""
        found = []
        while True:
            try:
                found.append(self.results.get_nowait())
            except Empty:
                return found

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._slot is not None or self._ended)
                if self._ended or self._slot is None:
                    return
                ident, checkpoint = self._slot
                self._slot = None
            self.results.put(self._keep(ident, checkpoint))

    def _keep(self, ident: int, checkpoint: Checkpoint) -> tuple[int, str] | AnchorError:
        try:
            return ident, self.anchor.keep(checkpoint, self._proof(checkpoint))
        except AnchorError as error:
            return error
        except (psycopg.Error, MissingHashError, IndexError) as error:
            return AnchorError(f"{self.anchor.name}: no proof for it: {error}")

    def _proof(self, checkpoint: Checkpoint) -> Callable[[int], Sequence[bytes]]:
        def proof(old: int) -> Sequence[bytes]:
            with self._connect() as connection:
                return PlaceStore(connection).tree(checkpoint.size).consistency(old)

        return proof
