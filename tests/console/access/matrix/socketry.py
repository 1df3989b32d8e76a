"""Opening one socket as every caller, all at once, through the application as it is served."""

import asyncio
from typing import Any

from asgiref.testing import ApplicationCommunicator

from console.access.sockets import NOT_SIGNED_IN
from console.asgi import application
from tests.console.access.matrix.asking import FULL, PEOPLE_CELLS, STALE, TOKEN_CELLS, Cell
from tests.console.access.matrix.world import World

HOST = b"desk.example:8080"
AT_ONCE = 8


def sockets_differ(world: World, path: str) -> list[str]:
    """What is not so: FULL and STALE are let in, all others closed with 4401 and sent nothing;
    from another page nobody is let in at all."""
    return asyncio.run(_all(world, path))


async def _all(world: World, path: str) -> list[str]:
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(cell: Cell, origin: bytes) -> str:
        async with turn:
            got = await _opened(world, path, cell, origin)
        ours = origin.endswith(HOST)
        wanted: Any = "refused" if not ours else NOT_SIGNED_IN
        if ours and cell.standing in (FULL, STALE):
            wanted = "open"
        return "" if got == wanted else f"{path}: {cell} from {origin!r}: {got}, and not {wanted}"

    tried = [one(cell, b"http://" + HOST) for cell in PEOPLE_CELLS + TOKEN_CELLS]
    tried += [
        one(cell, origin)
        for cell in PEOPLE_CELLS if cell.standing == FULL
        for origin in (b"http://evil.example", b"null")
    ]  # fmt: skip
    return [text for text in await asyncio.gather(*tried) if text]


async def _opened(world: World, path: str, cell: Cell, origin: bytes) -> Any:
    """``refused`` in the handshake, the code it was closed with, or ``open``."""
    talk = ApplicationCommunicator(application, _scope(world, path, cell, origin))
    await talk.send_input({"type": "websocket.connect"})
    first = await talk.receive_output(timeout=20)
    if first["type"] == "websocket.close":
        return "refused"
    second = await talk.receive_output(timeout=20) if not await _quiet(talk) else {"type": ""}
    await talk.send_input({"type": "websocket.disconnect", "code": 1000})
    await talk.wait(timeout=20)
    return second["code"] if second["type"] == "websocket.close" else "open"


async def _quiet(talk: ApplicationCommunicator) -> bool:
    """Whether nothing more comes by itself: without frames in Redis an open socket is silent."""
    return bool(await talk.receive_nothing(timeout=0.3, interval=0.02))


def _scope(world: World, path: str, cell: Cell, origin: bytes) -> dict[str, Any]:
    headers = [(b"host", HOST), (b"origin", origin)]
    cookies = world.cookies.get((cell.caller, cell.standing))
    if cookies:
        text = "; ".join(f"{name}={value}" for name, value in cookies.items())
        headers.append((b"cookie", text.encode()))
    if cell.scope:
        assert cell.caller
        bearer = f"Bearer {world.tokens[cell.caller, cell.scope]}"
        headers.append((b"authorization", bearer.encode()))
    return {
        "type": "websocket", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": headers, "client": ["127.0.0.1", 5], "subprotocols": [],
    }  # fmt: skip
