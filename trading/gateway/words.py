"""A venue's words, as they can be kept. Pure."""

LONGEST_CODE = 40
"""As the books' column takes it."""


def worded(text: str) -> str:
    """A venue's words as they can be kept: a NUL and half of a surrogate pair have no bytes, and a
    gateway that could not write down an answer would end on it again and again."""
    kept = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return kept if kept.isascii() else kept.encode(errors="replace").decode()
