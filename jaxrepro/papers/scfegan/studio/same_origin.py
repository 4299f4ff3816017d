"""Keeps other web pages away from a server on the user's own machine, and sets safe headers.

A page from elsewhere can make a browser post to 127.0.0.1, and a name that an attacker's DNS
turns into 127.0.0.1 makes the browser take that page for one of ours (DNS rebinding). So requests
must be for a known name or an IP address, and those that do something must come from our page
or from no page at all.
"""

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "content-security-policy": "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' blob:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class SameOrigin:
    """ASGI middleware: 421 for another host's requests, 403 for other pages' ones.

    hosts: names by which the server may be called, beside localhost and IP addresses, which no DNS
    can fake.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = ()):
        self._app = app
        self._hosts = {"localhost", *(host.lower() for host in hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or hands it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        refused = self._refusal(scope["method"], Headers(scope=scope))
        answer = self._app if refused is None else refused
        await answer(scope, receive, send_with_headers)

    def _refusal(self, method: str, headers: Headers) -> JSONResponse | None:
        host = headers.get("host", "")
        name = _host_name(host)
        if name not in self._hosts and not _is_address(name):
            message = f"this server is not {name!r}; start it with --allowed_hosts={name}"
            return JSONResponse({"error": message}, 421)
        if method in ("GET", "HEAD"):
            return None
        origin = headers.get("origin")
        site = headers.get("sec-fetch-site", "none")
        foreign = site not in ("same-origin", "none")
        if origin is not None:
            foreign = foreign or urlsplit(origin).netloc.lower() != host.lower()
        if foreign:
            return JSONResponse({"error": "requests from other web pages are refused"}, 403)
        return None


def _host_name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
