"""The permission table: every address and socket, and who may do what there.

Read docs/permissions.md, which ``manage.py permissions_doc`` makes from it. A new address fails
tests/console/access/test_matrix.py until it has a line in one of the modules here and a request in
tests/console/access/matrix/samples.py.
"""

from console.access.matrix.accounts import ACCOUNTS
from console.access.matrix.auditing import AUDITING
from console.access.matrix.engines import ENGINES
from console.access.matrix.limiting import LIMITING
from console.access.matrix.people import PEOPLE
from console.access.matrix.reading import READING
from console.access.matrix.recording import RECORDING
from console.access.matrix.records import RECORDS
from console.access.matrix.restarting import RESTARTING
from console.access.matrix.reviewing import REVIEWING
from console.access.matrix.rows import Row, Section, flat
from console.access.matrix.stopping import STOPPING
from console.access.matrix.testing import TESTING

SECTIONS: tuple[Section, ...] = (
    *READING,
    *STOPPING,
    *RESTARTING,
    *LIMITING,
    ENGINES,
    TESTING,
    *ACCOUNTS,
    PEOPLE,
    REVIEWING,
    AUDITING,
    RECORDING,
    RECORDS,
)
TABLE: tuple[Row, ...] = flat(SECTIONS)

__all__ = ["SECTIONS", "TABLE", "Row", "Section"]
