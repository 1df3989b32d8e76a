"""Hosts the portfolio's loop under the lease ``portfolio:main``."""

from django.conf import settings

from trading.hosting import HostContext
from trading.portfolio.loop import connect, portfolio_run


def run(ctx: HostContext) -> None:
    portfolio_run(ctx, connect(settings.REDIS_URL, settings.REDIS_OPTIONS))
