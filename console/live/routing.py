"""Addresses of the sockets. Stand behind the door (console.access.sockets) in asgi.py."""

from django.urls import URLPattern, re_path

from console.live.consumers import TOPICS_OF_PAGE, FrameConsumer

websocket_urlpatterns: list[URLPattern] = [
    re_path(
        rf"^live/(?P<page>{'|'.join(TOPICS_OF_PAGE)})$",
        FrameConsumer.as_asgi(),  # type: ignore[arg-type]  # Django's stubs know views alone
    ),
]
