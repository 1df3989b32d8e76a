"""What a caller may do. The default of every view is ReadAccess."""

from rest_framework import exceptions
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from console.access.sessions import Person
from console.api.problems import ScopeMissingError
from console.models import ApiToken


class ReadAccess(BasePermission):
    """Tokens need the scope ``read``; people need the second factor. Anything else is closed."""

    def has_permission(self, request: Request, view: object) -> bool:
        if request.user is None:
            raise exceptions.NotAuthenticated
        if isinstance(request.auth, ApiToken):
            if ApiToken.Scope.READ not in request.auth.scopes:
                raise ScopeMissingError(ApiToken.Scope.READ, str(request.auth))
            return True
        return isinstance(request.auth, Person)
