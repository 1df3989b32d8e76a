"""Records of the faces: tokens and kept answers. People are the stock ``auth.User``; factors are
django-otp's devices."""

from console.models.answers import KeptAnswer
from console.models.tokens import ApiToken

__all__ = ["ApiToken", "KeptAnswer"]
