"""The order state machine: one table of moves, one function that makes them.

Ugly real moves are in the table: a fill that arrives after the cancel, a fill before the
acknowledgement, an UNKNOWN order that turns out to be anything. UNKNOWN never times out into an
answer: only the venue's word moves it.
"""

from enum import StrEnum


class OrderState(StrEnum):
    PENDING = "pending"  # written down; perhaps sent, not yet answered
    WORKING = "working"  # the venue has it
    PARTIALLY_FILLED = "partially-filled"
    CANCEL_PENDING = "cancel-pending"  # cancel asked, not yet answered
    UNKNOWN = "unknown"  # sent, unanswered: exposure stays reserved until the venue says
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # the venue ended what was left (IOC remainder, not-after)
    REJECTED = "rejected"  # refused by the venue, or proven never to have arrived
    DENIED = "denied"  # refused by us; never sent


class OrderEvent(StrEnum):
    ACCEPT = "accept"
    PARTIAL_FILL = "partial-fill"
    LAST_FILL = "last-fill"
    CANCEL_ASK = "cancel-ask"
    CANCEL_REFUSE = "cancel-refuse"
    CANCEL = "cancel"
    EXPIRE = "expire"
    REJECT = "reject"
    DENY = "deny"
    LOSE = "lose"  # the answer did not come in time, or the connection dropped


_S, _E = OrderState, OrderEvent

_OPEN_MOVES: dict[OrderEvent, OrderState] = {
    _E.PARTIAL_FILL: _S.PARTIALLY_FILLED,
    _E.LAST_FILL: _S.FILLED,
    _E.CANCEL_ASK: _S.CANCEL_PENDING,
    _E.CANCEL: _S.CANCELLED,
    _E.EXPIRE: _S.EXPIRED,
    _E.LOSE: _S.UNKNOWN,
}

TRANSITIONS: dict[OrderState, dict[OrderEvent, OrderState]] = {
    _S.PENDING: {
        **_OPEN_MOVES,
        _E.ACCEPT: _S.WORKING,
        _E.REJECT: _S.REJECTED,
        _E.DENY: _S.DENIED,
    },
    _S.WORKING: {**_OPEN_MOVES, _E.ACCEPT: _S.WORKING},
    _S.PARTIALLY_FILLED: {**_OPEN_MOVES, _E.ACCEPT: _S.PARTIALLY_FILLED},
    _S.CANCEL_PENDING: {
        **_OPEN_MOVES,
        _E.ACCEPT: _S.CANCEL_PENDING,
        _E.PARTIAL_FILL: _S.CANCEL_PENDING,
        _E.CANCEL_REFUSE: _S.WORKING,
        _E.REJECT: _S.REJECTED,
    },
    _S.UNKNOWN: {
        **_OPEN_MOVES,
        _E.ACCEPT: _S.WORKING,
        _E.PARTIAL_FILL: _S.UNKNOWN,  # a fill does not say what became of the rest
        _E.CANCEL_ASK: _S.UNKNOWN,
        _E.CANCEL_REFUSE: _S.UNKNOWN,
        _E.REJECT: _S.REJECTED,
    },
    # Late fills: the venue filled before our cancel (or its expiry) reached the book.
    _S.CANCELLED: {
        _E.PARTIAL_FILL: _S.CANCELLED,
        _E.LAST_FILL: _S.FILLED,
        _E.CANCEL: _S.CANCELLED,
        _E.CANCEL_REFUSE: _S.CANCELLED,
    },
    _S.EXPIRED: {
        _E.PARTIAL_FILL: _S.EXPIRED,
        _E.LAST_FILL: _S.FILLED,
        _E.EXPIRE: _S.EXPIRED,
        _E.CANCEL_REFUSE: _S.EXPIRED,
    },
    _S.FILLED: {_E.CANCEL_REFUSE: _S.FILLED, _E.ACCEPT: _S.FILLED},
    _S.REJECTED: {_E.CANCEL_REFUSE: _S.REJECTED},
    _S.DENIED: {},
}

FINAL = frozenset({_S.FILLED, _S.CANCELLED, _S.EXPIRED, _S.REJECTED, _S.DENIED})
OPEN = frozenset(OrderState) - FINAL


class IllegalTransitionError(ValueError):
    """The event cannot happen to an order in this state; nothing was changed."""


def next_state(state: OrderState, event: OrderEvent) -> OrderState:
    """The state after ``event``. Raises IllegalTransitionError for a move not in the table."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise IllegalTransitionError(f"{event} cannot happen to an order that is {state}") from None
