"""Who may ask, and what a browser may do with the answer.

A request must name a host that the server is known by (else a page elsewhere whose name is made to resolve to this
machine could read it), and one that changes something must come from our own pages. A server that others can reach
also wants a token: once in the link that is printed, then in a cookie.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response

LOOPBACK = ("127.0.0.1", "localhost", "::1")
COOKIE = "gristmill"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
Next = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, kw_only=True)
class Access:
    """The names the server goes by, and the token it wants; none on a loopback address."""

    hosts: frozenset[str] = field(default_factory=lambda: frozenset(LOOPBACK))
    token: str = ""

    @classmethod
    def at(cls, host: str) -> Access:
        """For a server that listens at an address: a token of its own unless that is of this machine only."""
        if host in LOOPBACK:
            return cls()
        return cls(hosts=frozenset((*LOOPBACK, host)), token=secrets.token_urlsafe(24))

    def knows(self, token: str) -> bool:
        """Is this the token? Compared in constant time."""
        return secrets.compare_digest(token.encode(), self.token.encode())


def guard(access: Access) -> Callable[[Request, Next], Awaitable[Response]]:
    """The middleware that refuses what `access` does not allow, and sets the headers of every answer."""

    async def checked(request: Request, answer: Next) -> Response:
        response = _refusal(request, access) or await answer(request)
        response.headers.update(HEADERS)
        return response

    return checked


def _refusal(request: Request, access: Access) -> Response | None:
    host = request.headers.get("host", "")
    if urlsplit(f"//{host}").hostname not in access.hosts:
        return PlainTextResponse(f"this server is not {host}\n", 421)
    if request.method not in ("GET", "HEAD") and not _is_ours(request, host):
        return PlainTextResponse("only the explorer's own pages may change anything\n", 403)
    if not access.token or access.knows(request.cookies.get(COOKIE, "")):
        return None
    if access.knows(request.query_params.get("token", "")):
        entered = RedirectResponse(request.url.path, 303)
        entered.set_cookie(COOKIE, access.token, httponly=True, samesite="strict")
        return entered
    return PlainTextResponse("open the link that `gristmill ui` printed: it holds a token\n", 401)


def _is_ours(request: Request, host: str) -> bool:
    """Does a request that changes something come from a page of this server?"""
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == host
