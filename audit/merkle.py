"""Proofs of the record's tree (RFC 9162 2.1), made from stored hashes of perfect subtrees.

Checking them is audit.verifier's: whoever checks needs none of this. Beside the leaves' own hashes
one is stored for every 256 leaves, one for every 65,536, and so on (tiles): so a proof reads a few
hundred hashes, however large the tree is.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence

from audit.verifier import EMPTY_ROOT, RightEdge, node_hash

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
_TILES_KEPT = 64

Load = Callable[[int, int, int], Sequence[bytes]]
"""``load(level, first, count)``: hashes of perfect subtrees of ``256 ** level`` leaves."""


class MissingHashError(LookupError):
    """A hash that must be stored is not there: leaves or tiles were removed."""


class Growth(RightEdge):
    """A right edge that also tells which tiles were completed: (level, index, hash)."""

    def __init__(self, size: int = 0, nodes: Sequence[bytes] = ()) -> None:
        super().__init__(size, nodes)
        self.tiles: list[tuple[int, int, bytes]] = []

    def append(self, leaf: bytes) -> None:
        rest, height = self.size, 0
        while rest & 1:
            leaf = node_hash(self.nodes.pop(), leaf)
            rest, height = rest >> 1, height + 1
            if height % TILE_HEIGHT == 0:
                self.tiles.append((height // TILE_HEIGHT, self.size >> height, leaf))
        self.nodes.append(leaf)
        self.size += 1


class Tree:
    """The first ``size`` leaves of a stored tree. Raises MissingHashError throughout."""

    def __init__(self, size: int, load: Load) -> None:
        self.size = size
        self._load = load
        self._tiles: OrderedDict[tuple[int, int], list[list[bytes]]] = OrderedDict()

    def root(self) -> bytes:
        return self._range(0, self.size) if self.size else EMPTY_ROOT

    def growth(self) -> Growth:
        """The right edge, ready for more leaves."""
        nodes, start = [], 0
        for height in reversed(range(self.size.bit_length())):
            if self.size >> height & 1:
                nodes.append(self._node(height, start >> height))
                start += 1 << height
        return Growth(self.size, nodes)

    def inclusion(self, index: int) -> list[bytes]:
        """That leaf ``index`` lies in this tree. Raises IndexError for a leaf that does not."""
        if not 0 <= index < self.size:
            raise IndexError(f"no leaf {index} in a tree of {self.size}")
        start, end = 0, self.size
        path = []
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        return path[::-1]

    def consistency(self, size1: int) -> list[bytes]:
        """That the tree of the first ``size1`` leaves is a part of this. Raises IndexError."""
        if not 0 < size1 <= self.size:
            raise IndexError(f"no tree of {size1} leaves within one of {self.size}")
        start, end, known = 0, self.size, True
        path = []
        while size1 - start != end - start:
            middle = start + _split(end - start)
            if size1 <= middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start, known = middle, False
        if not known:
            path.append(self._range(start, end))
        return path[::-1]

    def _range(self, start: int, end: int) -> bytes:
        """Root over leaves from ``start``, a multiple of what is taken first."""
        height = (end - start).bit_length() - 1
        first = self._node(height, start >> height)
        middle = start + (1 << height)
        return first if middle == end else node_hash(first, self._range(middle, end))

    def _node(self, height: int, index: int) -> bytes:
        """Root of the perfect subtree of ``2 ** height`` leaves that is number ``index``."""
        level, above = divmod(height, TILE_HEIGHT)
        tile, at = divmod(index << above, TILE_WIDTH)
        try:
            return self._tile(level, tile)[above][at >> above]
        except IndexError:
            raise MissingHashError(
                f"hash {index} of {1 << height} leaves is not stored: some were removed"
            ) from None

    def _tile(self, level: int, tile: int) -> list[list[bytes]]:
        """Rows of a tile, its stored hashes first, then those of every two of the row below."""
        key = level, tile
        if key in self._tiles:
            self._tiles.move_to_end(key)
            return self._tiles[key]
        first = tile * TILE_WIDTH
        count = min(TILE_WIDTH, (self.size >> TILE_HEIGHT * level) - first)
        rows = [list(self._load(level, first, count))]
        while len(rows[-1]) > 1:
            below = rows[-1]
            rows.append([node_hash(*below[at : at + 2]) for at in range(0, len(below) - 1, 2)])
        rows += [[] for _ in range(TILE_HEIGHT + 1 - len(rows))]
        self._tiles[key] = rows
        if len(self._tiles) > _TILES_KEPT:
            self._tiles.popitem(last=False)
        return rows


def _split(count: int) -> int:
    """The largest power of two below ``count``."""
    return 1 << (count - 1).bit_length() - 1
