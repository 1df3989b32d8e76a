"""What each of ccxt's exceptions says about a request that was written: one table.

REFUSED: the venue said no, nothing was done. RETRY: it said not now, nothing was done.
UNKNOWN: it may have been done; only asking tells. What is not in the table is UNKNOWN.
"""

from enum import Enum


class Outcome(Enum):
    REFUSED = "refused"
    RETRY = "retry"
    UNKNOWN = "unknown"


_R, _L, _U = Outcome.REFUSED, Outcome.RETRY, Outcome.UNKNOWN

OUTCOMES: dict[str, tuple[Outcome, str]] = {
    "BaseError": (_U, "VENUE_ERROR"),
    "ExchangeError": (_U, "VENUE_ERROR"),  # ccxt's word for an answer it does not know
    "AuthenticationError": (_R, "AUTHENTICATION"),
    "PermissionDenied": (_R, "PERMISSION"),
    "AccountNotEnabled": (_R, "ACCOUNT"),
    "AccountSuspended": (_R, "ACCOUNT"),
    "ArgumentsRequired": (_R, "BAD_REQUEST"),
    "BadRequest": (_R, "BAD_REQUEST"),
    "BadSymbol": (_R, "UNKNOWN_SYMBOL"),
    "OperationRejected": (_R, "VENUE_REJECT"),
    "NoChange": (_R, "VENUE_REJECT"),
    "MarginModeAlreadySet": (_R, "VENUE_REJECT"),
    "MarketClosed": (_R, "NO_MARKET"),
    "ManualInteractionNeeded": (_R, "ACCOUNT"),
    "RestrictedLocation": (_R, "ACCOUNT"),
    "InsufficientFunds": (_R, "MARGIN"),
    "InvalidAddress": (_R, "BAD_REQUEST"),
    "AddressPending": (_R, "BAD_REQUEST"),
    "InvalidOrder": (_R, "VENUE_REJECT"),
    "OrderNotFound": (_U, "UNKNOWN_ORDER"),  # of a create it makes no sense
    "OrderNotCached": (_U, "UNKNOWN_ORDER"),
    "OrderImmediatelyFillable": (_R, "POST_ONLY"),
    "OrderNotFillable": (_R, "NOT_FILLABLE"),
    "DuplicateOrderId": (_U, "DUPLICATE_ID"),  # a proxy may have sent our one request twice
    "ContractUnavailable": (_R, "NO_MARKET"),
    "NotSupported": (_R, "NOT_SUPPORTED"),
    "InvalidProxySettings": (_R, "NOT_SUPPORTED"),
    "ExchangeClosedByUser": (_U, "VENUE_ERROR"),
    "OperationFailed": (_U, "VENUE_ERROR"),
    "NetworkError": (_U, "NETWORK"),
    "DDoSProtection": (_L, "RATE_LIMIT"),
    "RateLimitExceeded": (_L, "RATE_LIMIT"),
    "ExchangeNotAvailable": (_U, "UNAVAILABLE"),
    "OnMaintenance": (_L, "MAINTENANCE"),
    "InvalidNonce": (_L, "NONCE"),
    "ChecksumError": (_U, "NONCE"),
    "RequestTimeout": (_U, "NETWORK"),
    "BadResponse": (_U, "BAD_ANSWER"),
    "NullResponse": (_U, "BAD_ANSWER"),
    "CancelPending": (_U, "CANCEL_PENDING"),
    "UnsubscribeError": (_U, "VENUE_ERROR"),
}


def outcome_of(error: BaseException) -> tuple[Outcome, str]:
    """What became of the request, and a stable code. Its own class only: no parent's word."""
    kind = type(error)
    if not kind.__module__.startswith("ccxt."):
        return Outcome.UNKNOWN, "NETWORK"
    return OUTCOMES.get(kind.__name__, (Outcome.UNKNOWN, "VENUE_ERROR"))
