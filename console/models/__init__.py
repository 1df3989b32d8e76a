"""Records of the faces: tokens and kept answers. People are the stock ``auth.User``; factors are
django-otp's devices."""

from console.models.answers import KeptAnswer
from console.models.factors import (
    Authenticator,
    Enrolment,
    Passkey,
    PasskeyChallenge,
    RecoveryCode,
    RecoverySet,
)
from console.models.review import AccessReview, Escalation
from console.models.roles import Desk
from console.models.sessions import RightsVersion, SessionRecord
from console.models.tokens import ApiToken
from console.models.views import SavedView

__all__ = [
    "AccessReview",
    "ApiToken",
    "Authenticator",
    "Desk",
    "Enrolment",
    "Escalation",
    "KeptAnswer",
    "Passkey",
    "PasskeyChallenge",
    "RecoveryCode",
    "RecoverySet",
    "RightsVersion",
    "SavedView",
    "SessionRecord",
]
