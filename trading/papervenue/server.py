"""The TCP server: who may say what, and nothing told before it is committed.

All requests of one turn of the event loop share one transaction; what they caused is said in
order after its commit. If the storage fails, the venue says nothing more and ends.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from trading.papervenue import protocol as wire
from trading.papervenue.exchange import Exchange
from trading.papervenue.faults import AccountFaults
from trading.papervenue.money import NANO
from trading.papervenue.protocol import Body, ProtocolError
from trading.papervenue.recording import Event
from trading.papervenue.session import Session

log = logging.getLogger("papervenue")

ADMIN = "admin"
LOOK_AGAIN_S = 1.0
_NO_FAULTS = AccountFaults()


class VenueServer:
    """Sessions around one exchange. ``on_failure`` is called once when the storage fails."""

    def __init__(
        self, make: Callable[[Callable[[Event], None]], Exchange], credentials: Path,
        on_failure: Callable[[], None],
    ) -> None:  # fmt: skip
        self.exchange = make(self._emit)
        self._credentials = credentials
        self._on_failure = on_failure
        self._failed = False
        self._sessions: set[Session] = set()
        self._out: list[tuple[Session | str, bytes]] = []
        self._flush_due = False
        self._timer: asyncio.TimerHandle | None = None

    # -- what a session needs

    def now_ns(self) -> int:
        """The machine's clock: latency and faults run on it."""
        return time.time_ns()

    def _venue_time(self) -> Body:
        return {"venue_time_ns": self.exchange.own(self.now_ns())}

    def faults(self, session: Session) -> AccountFaults:
        return self.exchange.faults.of(session.account) if session.account else _NO_FAULTS

    def opened(self, session: Session) -> None:
        self._sessions.add(session)
        self._say(session, {"event": "hello", "nonce": session.nonce})

    def closed(self, session: Session) -> None:
        self._sessions.discard(session)
        if session.account and not self._failed:
            self._guarded(lambda: self._note(session, "logout"))

    def malformed(self, session: Session, error: ProtocolError) -> None:
        self._say(session, wire.error_answer(error, b""))

    def handle(self, session: Session, line: bytes) -> None:
        """Carry out one request line."""
        if not self._failed:
            self._guarded(lambda: self._handle(session, line))

    # -- saying, after the commit

    def _emit(self, event: Event) -> None:
        body = {"event": event.kind, **event.body, **self._venue_time()}
        self._out.append((event.account, wire.line(body)))
        self._flush_soon()

    def _say(self, session: Session, body: Body) -> None:
        self._out.append((session, wire.line({**body, **self._venue_time()})))
        self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._flush_due:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Commit, then say all that was waiting for it. Ends the venue when it cannot commit."""
        self._flush_due = False
        if self._failed or not self._guarded(self.exchange.commit):
            return
        out, self._out = self._out, []
        for whom, line in out:
            if isinstance(whom, Session):
                whom.write(line)
            else:
                for session in self._sessions:
                    if session.account == whom:
                        session.write(line)
        self._arm()

    def _guarded(self, work: Callable[[], None]) -> bool:
        """Do ``work``; a storage failure is the end, as memory and storage may differ now."""
        try:
            work()
        except sqlite3.Error as error:
            log.critical("storage failed (%s): the venue ends; free the disk and restart it", error)
            self._failed = True
            self.abort_all()
            self._on_failure()
        return not self._failed

    def abort_all(self) -> None:
        for session in list(self._sessions):
            session.abort()

    def close_all(self) -> None:
        for session in list(self._sessions):
            session.close()

    # -- requests on their way, and dead man's switches

    def start(self) -> None:
        """Carry out what became due while the venue was down, and watch for what will be."""
        self._due()

    def _arm(self) -> None:
        """Set the timer for what is due next."""
        due = self.exchange.next_due()
        if due is None:
            return
        loop = asyncio.get_running_loop()
        # the machine's clock may be set while we wait: look at it again at least once a second
        wait = min(max(due - self.now_ns(), 0) / NANO, LOOK_AGAIN_S)
        if self._timer is not None and self._timer.when() > loop.time() + wait:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = loop.call_later(wait, self._due)

    def _due(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._failed and self._guarded(lambda: self.exchange.run_due(self.now_ns())):
            self.flush()

    # -- requests

    def _handle(self, session: Session, line: bytes) -> None:
        try:
            request = wire.decode(line)
            self._dispatch(session, request)
        except ProtocolError as error:
            self._say(session, wire.error_answer(error, line))
            if not session.account:
                self.flush()
                session.close()
        if self.faults(session).disconnects():
            session.cut = True  # carried out and committed, but its answer is never heard
            self.flush()
            session.abort()
        self._flush_soon()

    def _dispatch(self, session: Session, request: wire.AnyRequest) -> None:
        match request:
            case wire.Login():
                self._login(session, request)
            case wire.Ping():
                self._answer(session, request, {})
            case wire.Clock():
                clock = {"feed_clock_ns": self.exchange.engine.feed_clock}
                self._answer(session, request, {**clock, "feed_entry": self.exchange.feed_entry})
            case _ if not session.account:
                raise ProtocolError("LOGIN_REQUIRED", "op", "log in before anything else")
            case (
                wire.Submit() | wire.Modify() | wire.Cancel() | wire.CancelAll()
                | wire.CancelAllAfter()
            ):  # fmt: skip
                if session.account == ADMIN:
                    raise ProtocolError("FORBIDDEN", "op", "the admin does not trade")
                reply = partial(self._answer, session, request)
                self.exchange.receive(session.account, request, self.now_ns(), reply)
            case (
                wire.Fault() | wire.ClearFaults() | wire.Faults() | wire.Log()
                | wire.MoveClock() | wire.InjectFill() | wire.InjectOrder()
            ):  # fmt: skip
                if session.account != ADMIN:
                    raise ProtocolError(
                        "FORBIDDEN", "op", f"{request.__class__.__name__}: admin only"
                    )
                self._answer(session, request, self._administer(request))
            case _:
                self._answer(session, request, self._query(self._whose(session, request), request))

    def _answer(self, session: Session, request: wire.AnyRequest, body: Body) -> None:
        op = request.__struct_config__.tag
        self._say(session, {"id": request.id, "op": op, "ok": True, **body})

    def _whose(self, session: Session, request: wire.Query) -> str:
        account = request.account or session.account
        if session.account not in (account, ADMIN):
            raise ProtocolError("FORBIDDEN", "account", "only the admin may ask for other accounts")
        return account

    def _query(self, account: str, request: wire.Query) -> Body:
        match request:
            case wire.OrderStatus():
                return self.exchange.order_status(account, request.client_order_id)
            case wire.OpenOrders():
                return self.exchange.open_orders(account)
            case wire.FillsSince():
                return self.exchange.fills_since(account, request.sequence, request.limit)
            case wire.Positions():
                return self.exchange.positions(account)
            case wire.Balances():
                return self.exchange.balances(account)

    def _administer(self, request: wire.AdminRequest) -> Body:
        match request:
            case wire.Fault():
                self.exchange.set_fault(request, self.now_ns())
            case wire.ClearFaults():
                self.exchange.clear_faults(request, self.now_ns())
                for session in list(self._sessions):
                    if request.account in (None, session.account):
                        asyncio.get_running_loop().call_soon(session.release)
            case wire.Log():
                entries = self.exchange.storage.log(request.account, request.after, request.limit)
                return {"entries": entries}
            case wire.MoveClock():
                self.exchange.move_clock(request.offset_ms, self.now_ns())
                return {"offset_ms": request.offset_ms}
            case wire.InjectFill() | wire.InjectOrder():
                if request.account == ADMIN or not self._known(request.account):
                    raise ProtocolError("BAD_REQUEST", "account", "account does not trade here")
                self.exchange.open_account(request.account, self.now_ns())
                return self.exchange.inject(request, self.now_ns())
            case wire.Faults():
                pass
        return {"faults": self.exchange.faults.body()}

    # -- login

    def _login(self, session: Session, request: wire.Login) -> None:
        if session.account:
            raise ProtocolError("LOGIN_REPEATED", "op", "this connection is logged in already")
        known = self._known(request.account)
        said = f"{session.nonce}:{request.account}:{known.get('key', '')}"
        proof = hmac.new(known.get("secret", "").encode(), said.encode(), hashlib.sha256)
        same_key = hmac.compare_digest(known.get("key", "").encode(), request.key.encode())
        signed = hmac.compare_digest(proof.hexdigest().encode(), request.signature.encode())
        if not (known.get("secret") and same_key and signed):
            log.warning("login refused for account %r", request.account)
            raise ProtocolError("LOGIN_FAILED", "signature", "account, key or signature is wrong")
        session.account = request.account
        self.exchange.open_account(request.account, self.now_ns())
        self._note(session, "login")
        last = self.exchange.fills_since(request.account, 0, 1)["last_sequence"]
        self._answer(session, request, {"account": request.account, "last_sequence": last})

    def _known(self, account: str) -> dict[str, str]:
        """Key and secret of the account, read afresh so that new ones need no restart."""
        try:
            found = json.loads(self._credentials.read_text()).get(account, {})
            return {name: str(found[name]) for name in ("key", "secret") if name in found}
        except (OSError, ValueError, AttributeError, TypeError) as error:
            log.error("credentials file %s cannot be read: %s", self._credentials, error)
            return {}

    def _note(self, session: Session, kind: str) -> None:
        self.exchange.note(session.account, kind, self.now_ns())
        self._flush_soon()
