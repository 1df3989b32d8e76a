"""What the models share."""

from django.db import models


def choices_of(kind: type) -> list[tuple[str, str]]:
    return [(str(one), str(one)) for one in kind]  # type: ignore[attr-defined]


class Money(models.DecimalField):  # type: ignore[type-arg]
    """Exact decimal wide enough for any price, size, notional or PnL of the desk."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**{"max_digits": 36, "decimal_places": 12, **kwargs})  # type: ignore[arg-type]
