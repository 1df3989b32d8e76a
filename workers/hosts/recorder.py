"""Hosts the recorder of the market under the lease ``recorder:main``."""

import signal

from django.conf import settings

from trading.feeds.publish import connect
from trading.feeds.recorder import RecorderLoop
from trading.hosting import HostContext


def run(ctx: HostContext) -> None:
    # SIGTERM comes together with the end of stop_fd, which leaves time for the last lines.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    redis = connect(settings.REDIS_URL, settings.REDIS_OPTIONS)
    RecorderLoop(ctx, redis, settings.RECORDED).run()
