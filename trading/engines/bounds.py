"""Stop-loss and drawdown limit of documents, the stricter of two. Pure."""

from dataclasses import dataclass

from trading.engines.reading import Bound, EngineConfig
from trading.engines.units import shown_percent


@dataclass(frozen=True, slots=True)
class Stops:
    """Those that are enabled; ``seconds`` of each as the document has it. ``version``: that which
    tightened them last."""

    version: int
    loss: Bound | None = None
    drawdown: Bound | None = None

    def tightened(self, version: int, config: EngineConfig) -> "Stops":
        """By what ``config`` says; what it says more loosely changes nothing."""
        loss, drawdown = (
            stricter(self.loss, config.stop_loss),
            stricter(self.drawdown, config.drawdown),
        )
        if (loss, drawdown) == (self.loss, self.drawdown):
            return self
        return Stops(version, loss, drawdown)


def enabled(bound: Bound | None) -> Bound | None:
    return bound if bound is not None and bound.enabled else None


def stricter(one: Bound | None, other: Bound | None) -> Bound | None:
    """The smaller share over the longer time: a longer time sees no smaller fall."""
    first, second = enabled(one), enabled(other)
    if first is None or second is None:
        return first or second
    return Bound(True, min(first.share, second.share), max(first.seconds, second.seconds))


def shown_bound(bound: Bound | None) -> str:
    """``1% in 60 s``"""
    if bound is None:
        return "none"
    return f"{shown_percent(bound.share)} in {bound.seconds.normalize():f} s"
