"""The smallest sound request of each line of the table, and what comes of it when it is let in.

What reads and needs nothing said has none here: it is asked as it is, and answers 200.
"""

from tests.console.access.matrix import samples_desk as desk
from tests.console.access.matrix import samples_people as people
from tests.console.access.matrix.sample import DEFAULTS, Key, Sample

SAMPLES: dict[Key, Sample] = {
    **desk.STOPS,
    **desk.LIFTS,
    **desk.REQUESTS,
    **desk.SIZES,
    **desk.LIMITING,
    **desk.ENGINES,
    **desk.OTHERS,
    **desk.TESTS,
    **people.ACCOUNTS,
    **people.KEYS,
    **people.PEOPLE,
    **people.REVIEWS,
    **people.AUDITING,
    **people.RECORDS,
}

__all__ = ["DEFAULTS", "SAMPLES", "Key", "Sample"]
