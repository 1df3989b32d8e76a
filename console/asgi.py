"""What the web server serves: Django over HTTP, live frames over sockets, nothing else."""

import os
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
http = get_asgi_application()

# Below here Django is set up, which these need.
from console.access.sockets import door  # noqa: E402
from console.live.routing import websocket_urlpatterns  # noqa: E402

routes: list[Any] = [*websocket_urlpatterns]
application = ProtocolTypeRouter({"http": http, "websocket": door(URLRouter(routes))})
