"""Our side of the sockets bench, in processes of their own: ``python -m scripts.bench.live_desk``

``prepare`` makes a database and prints JSON {body, cookie}; ``publish`` and ``group-send`` send the
body read from standard input ten times a second, through the hub's channel or the channel layer;
``group PORT`` serves Channels as it is usually done: each socket in a group.
"""

import asyncio
import json
import os
import sys
import time
from typing import Any

import django
import uvicorn
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from redis import Redis

from scripts.bench.live_peers import EVERY_S, stamped

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
django.setup()

# Below here Django is set up, which these need.
from django.conf import settings  # noqa: E402
from django.contrib.auth.models import Group, User  # noqa: E402
from django.core.management import call_command  # noqa: E402

from console.models import Authenticator  # noqa: E402
from tests.pages.conftest import open_session  # noqa: E402
from tests.pages.frames import desk_frame, strategy_line  # noqa: E402
from trading import streams  # noqa: E402

GROUP = "bench-frames"
STRATEGIES = 20


class Consumer(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()

    async def bench_frame(self, message: dict[str, Any]) -> None:
        await self.send(text_data=message["text"])


def prepare() -> dict[str, str]:
    """A frame's body, and the cookie of a risk manager's session."""
    call_command("migrate", verbosity=0)
    user = User.objects.create(username="ada.nwosu", first_name="Ada", last_name="Nwosu")
    user.groups.add(Group.objects.get_or_create(name="risk")[0])
    Authenticator.objects.create(user=user, name="authenticator", confirmed=True)
    line = [f"{number * 1.25:.2f}" for number in range(60)]
    frame = desk_frame(*(strategy_line(f"mom-{n:02}", line=line) for n in range(STRATEGIES)))
    for name in ("topic", "seq", "as_of"):
        del frame[name]
    cookie = f"{settings.SESSION_COOKIE_NAME}={open_session(user)}"
    return {"body": json.dumps(frame), "cookie": cookie}


async def beat(body: str, *, by_group: bool) -> None:
    redis = Redis.from_url(settings.REDIS_URL)
    layer: Any = get_channel_layer()
    due = time.monotonic()
    while True:
        if by_group:
            await layer.group_send(GROUP, {"type": "bench.frame", "text": stamped(body)})
        else:
            redis.publish(streams.FRAMES, stamped(body))
        due += EVERY_S
        await asyncio.sleep(max(0.0, due - time.monotonic()))


def serve(port: int) -> None:
    uvicorn.run(
        Consumer.as_asgi(), host="127.0.0.1", port=port, loop="asyncio", ws="websockets-sansio",
        ws_per_message_deflate=False, lifespan="off", access_log=False, log_config=None,
    )  # fmt: skip


if __name__ == "__main__":
    kind, *rest = sys.argv[1:]
    if kind == "prepare":
        print(json.dumps(prepare()))
    elif kind == "group":
        serve(int(rest[0]))
    else:
        asyncio.run(beat(sys.stdin.read(), by_group=kind == "group-send"))
