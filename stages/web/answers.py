"""What a request came to: an answer without the secrets it may repeat, or a short reason.

Headers are taken down as they came, but for cookies and credentials (credentials.py); request headers are never taken
down. A body or a type that repeats the credential is no answer at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard

import ada_url
import aiohttp

from stages.web.credentials import Credential, holds_secret, public_url, recorded_headers, redacted
from stages.web.egress import RefusedAddress

REASONS = (
    (TimeoutError, "timeout"),
    (aiohttp.ClientConnectorDNSError, "host not found"),
    (aiohttp.ClientSSLError, "no trusted certificate"),
    (aiohttp.ClientConnectorError, "no connection"),
    (aiohttp.ClientPayloadError, "body broken off"),
    (aiohttp.ServerDisconnectedError, "connection broken off"),
    (aiohttp.InvalidURL, "not a URL"),
)


class FetchError(Exception):
    """No usable answer; the message is short and stable: it becomes an outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer. `body` is decoded, and empty unless the status is 200 and the type was wanted.

    `headers` are those to store: without cookies and credentials. `chain` are the URLs from the one asked for to the
    one that answered.
    """

    status: int
    headers: bytes
    body: bytes
    mime: str
    charset: str | None
    content_language: str | None
    location: str | None
    etag: str | None
    last_modified: str | None
    chain: tuple[str, ...] = ()


def answer_of(response: aiohttp.ClientResponse, body: bytes, url: str, credential: Credential | None) -> Answer:
    """What the server said to a request for `url`. Errors: FetchError where it repeats the credential."""
    headers = response.headers
    if credential and (credential.is_in(body) or credential.is_in(headers.get("Content-Type", "").encode())):
        raise FetchError("the answer repeats the credential")
    return Answer(
        status=response.status,
        headers=recorded_headers(response.raw_headers, credential),
        body=body,
        mime=response.content_type,
        charset=_declared_charset(response),
        content_language=_content_language(headers.get("Content-Language"), credential),
        location=_location(headers.get("Location"), url, credential),
        etag=_repeated(headers.get("ETag"), credential),
        last_modified=_repeated(headers.get("Last-Modified"), credential),
        chain=(url,),
    )


def _location(text: str | None, url: str, credential: Credential | None) -> str | None:
    """Where a redirect leads; a target that holds a secret is given without it."""
    if text is None:
        return None
    text = credential.hidden(text) if credential else text
    try:
        target = str(ada_url.URL(text, base=url).href)
        return public_url(target) if holds_secret(target) else text
    except ValueError:
        return redacted(text)


def _repeated(text: str | None, credential: Credential | None) -> str | None:
    """The value of a header, unless it holds the credential."""
    return None if text and credential and credential.is_in(text.encode()) else text


def _declared_charset(response: aiohttp.ClientResponse) -> str | None:
    charset = (response.charset or "").strip("\"' ").lower()
    return charset if charset.isascii() and charset.isprintable() and charset else None


def _content_language(text: str | None, credential: Credential | None) -> str | None:
    text = _repeated(text, credential)
    return text if text and text.isascii() and text.isprintable() else None


def may_pass(error: Exception) -> bool:
    """Can another attempt end differently?"""
    return not _is_refused(error) and not isinstance(error, aiohttp.InvalidURL | aiohttp.ClientSSLError)


def reason_of(error: Exception) -> str:
    """A short name for a network error, the same on every machine."""
    if _is_refused(error):
        return f"refused address: {error.os_error}"
    return next((name for kind, name in REASONS if isinstance(error, kind)), "not HTTP")


def _is_refused(error: Exception) -> TypeGuard[aiohttp.ClientConnectorError]:
    return isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, RefusedAddress)
