"""Which documents a person sees: those of strategies they see, and own ones still to be made."""

from console.access.visible import Sight
from trading.models import EngineVersion, Strategy


def engine_seen(sight: Sight, person: str, engine: str) -> bool:
    """``person``: the user name, empty for who is none. Raises db.Error."""
    if sight.sees(engine):
        return True
    mine = bool(person) and EngineVersion.objects.filter(name=engine, made_by=person).exists()
    return mine and not Strategy.objects.filter(key=engine).exists()
