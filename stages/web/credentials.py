"""Secrets: given by the name of an environment variable, sent to one origin, and kept out of everything written.

    Credential   an Auth (auth.py) bound to the origin it is meant for, and the value, in the memory of one process only
    public_url   a URL as it is requested, recorded and shown: without user name, password and secret parameters
    redacted     any text, for logs and errors, with the secrets of the URLs in it overwritten
Reads environment variables, when a credential is bound. Nothing here is written, printed or sent to a worker.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, NoReturn
from urllib.parse import quote, quote_plus, unquote_plus

import ada_url

from catalog.errors import SourceError
from stages.web.auth import Auth

HIDDEN = "REDACTED"
LONGEST = 2000  # characters of a value that are overwritten in a text
SHORTEST = 8  # characters of a secret; masking a shorter one would overwrite innocent text
SECRET_NAMES = frozenset(
    [
        *("access_token", "accesstoken", "api_key", "apikey", "api_token", "app_key", "appkey", "asp.net_sessionid"),
        *("auth_key", "auth_token", "authorization", "awsaccesskeyid", "bearer", "cfid", "cftoken", "client_secret"),
        *("credentials", "csrf_token", "id_token", "jsessionid", "jwt", "oauth_token", "oauth_verifier", "passwd"),
        *("password", "phpsessid", "private_key", "pwd", "refresh_token", "secret", "secret_key", "session_id"),
        *("session_key", "session_token", "sessionid", "sig", "signature", "sso_token", "subscription_key", "token"),
        *("user_token", "x_api_key", "x_auth_token", "xsrf_token"),
    ]
)
"""Query parameters that hold a secret whatever their value; in lower case, `-` written as `_`."""
SECRET_PREFIXES = ("x_amz_", "x_goog_", "x_ms_", "x_oss_", "x_cos_", "aspsessionid")
MAYBE_NAMES = frozenset(("auth", "code", "key", "pass", "s", "sess", "session", "sid", "state", "ticket"))
"""Parameters that hold a secret where their value looks like one."""
LEFT_OUT = frozenset(
    [
        *("authentication-info", "authorization", "cookie", "proxy-authenticate", "proxy-authentication-info"),
        *("proxy-authorization", "set-cookie", "set-cookie2", "www-authenticate", "x-access-token", "x-api-key"),
        *("x-amz-security-token", "x-auth-token", "x-csrf-token", "x-goog-iap-jwt-assertion", "x-xsrf-token"),
    ]
)
"""Headers that are not recorded, and that no caller sets by hand."""
_TOKEN = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[\w+/=.~-]{16,}")
_IN_PATH = re.compile(r";(?:jsessionid|phpsessid|sid|sessionid)=[^/;]*", re.I)
_SUSPECT = re.compile(r"[@;#]")  # beside parameters, no secret stands in a URL without one of these
_USERINFO = re.compile(r"(?<=//)[^/?#\s\"'<>@]*@")
_NAME = re.compile(r"(?<![^?&;#\s\"'<>(\[,])([\w.%\[\]-]{1,60})=")
_VALUES = {  # a value is read twice at most: what may follow a name ends before what may begin another
    "always": re.compile(r"[^&;#\s\"'<>,)]+"),
    "perhaps": re.compile(r"[\w+/=.~%-]+"),
}


class Credential:
    """The value of an Auth, for one origin. It has no readable form, cannot be pickled, and dies with the process."""

    __slots__ = ("_auth", "_origin", "_spellings", "_value")

    def __init__(self, auth: Auth, url: str) -> None:
        """Bind to the origin of `url`. Errors: SourceError for a variable that is not set, or an origin without TLS."""
        self._auth, self._origin = auth, origin_of(url)
        if not self._origin.startswith("https://") and not _is_this_machine(self._origin):
            raise SourceError(f"auth.env {auth.env} would travel to {self._origin} unencrypted; use https")
        self._value = _from_environment(auth.env)
        self._spellings = tuple(sorted(_spellings(self._value), key=len, reverse=True))

    def __repr__(self) -> str:
        return f"Credential({self._auth.env} for {self._origin})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a credential is not pickled: bind it again where it is used")

    def headers(self, url: str) -> dict[str, str]:
        """The header that a request to `url` carries; none where that is another origin."""
        if self._auth.header is None or origin_of(url) != self._origin:
            return {}
        return {self._auth.header: self._auth.prefix + self._value}

    def requested(self, url: str) -> str:
        """`url` as it is sent: with the query parameter, where that is the way and the origin is the right one."""
        if self._auth.query is None or origin_of(url) != self._origin:
            return url
        joint = "&" if "?" in url else "?"
        return f"{url}{joint}{quote_plus(self._auth.query)}={quote_plus(self._value)}"

    def is_in(self, data: bytes) -> bool:
        """Does the value stand in `data`, in any of its usual spellings?"""
        return any(spelling.encode() in data for spelling in self._spellings)

    def hidden(self, text: str) -> str:
        """`text` with the value overwritten."""
        for spelling in self._spellings:
            text = text.replace(spelling, HIDDEN)
        return text


def origin_of(url: str) -> str:
    """`scheme://host[:port]` of an http(s) URL, spelled in one way."""
    return str(ada_url.URL(url).origin)


def _is_this_machine(origin: str) -> bool:
    host = str(ada_url.URL(origin).hostname).strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _from_environment(name: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        raise SourceError(f"environment variable {name} is not set; `export {name}=...`, then `dvc repro crawl`")
    if len(value) < SHORTEST or not (value.isascii() and value.isprintable()):
        raise SourceError(f"environment variable {name} must hold {SHORTEST} or more printable ASCII characters")
    return value


def _spellings(value: str) -> set[str]:
    """A value as it is, as a URL writes it, and in base64 (alone, or after a user name of `user:value`)."""
    packed = [base64.b64encode(b"x" * shift + value.encode())[4 if shift else 0 :] for shift in range(3)]
    inner = [text.decode().rstrip("=")[:-1] for text in packed]
    return {value, quote(value), quote(value, safe=""), quote_plus(value), *(text for text in inner if len(text) > 7)}


@lru_cache(4096)
def _suspicion(name: str) -> Literal["always", "perhaps", "never"]:
    """How often the values of a query parameter are secrets."""
    plain = unquote_plus(name).lower().replace("-", "_")
    parts = {plain, *re.split(r"[\[\]]+", plain)}
    if parts & SECRET_NAMES or plain.startswith(SECRET_PREFIXES):
        return "always"
    return "perhaps" if parts & MAYBE_NAMES else "never"


def is_secret(name: str, value: str) -> bool:
    """Does a query parameter hold a secret, by its name and where that is not enough by its value?"""
    suspicion = _suspicion(name)
    return suspicion == "always" or (suspicion == "perhaps" and bool(_TOKEN.fullmatch(unquote_plus(value))))


def public_url(url: str) -> str:
    """A URL without user name, password, fragment and the parameters that hold a secret.

    Errors: ValueError for what is not a URL.
    """
    parsed = ada_url.URL(url)
    href = str(parsed.href)
    before = href.partition("#")[0].partition("?")[2].split("&")
    after = _public_parameters(before)
    if after == before and not _SUSPECT.search(href):
        return href
    parsed.hash = ""
    if parsed.username or parsed.password:
        parsed.username = parsed.password = ""
    if ";" in parsed.pathname:
        parsed.pathname = _IN_PATH.sub("", parsed.pathname)
    if after != before:
        parsed.search = "&".join(after)
    return str(parsed.href)


def _public_parameters(parameters: list[str]) -> list[str]:
    split = ((one, *one.partition("=")[::2]) for one in parameters)
    return [one for one, name, value in split if not (value and is_secret(name, value))]


def holds_secret(url: str, base: str | None = None) -> bool:
    """Does a URL hold a user name, a password or a secret parameter? Errors: ValueError for what is not a URL."""
    parsed = ada_url.URL(url, base=base)
    parsed.hash = ""
    return bool(parsed.href != public_url(parsed.href))


def redacted(text: str) -> str:
    """`text` with user names, passwords and secret parameters of the URLs in it overwritten; takes linear time."""
    if "=" not in text and "@" not in text:
        return text
    text = _USERINFO.sub(f"{HIDDEN}@", text)
    parts, done = [], 0
    for name in _NAME.finditer(text):
        values = _VALUES.get(_suspicion(name[1]))
        value = values.match(text, name.end(), name.end() + LONGEST) if values and name.start() >= done else None
        if value and is_secret(name[1], value[0]):
            parts += [text[done : name.end()], HIDDEN]
            done = value.end()
    return "".join([*parts, text[done:]])


def recorded_headers(headers: Iterable[tuple[bytes, bytes]], credential: Credential | None = None) -> bytes:
    """Response headers as they are stored: no cookies, no credentials, the secrets of URLs overwritten."""
    kept = []
    for name, value in headers:
        if name.decode("latin-1").lower() in LEFT_OUT:
            continue
        line = name.decode("latin-1") + ": " + redacted(value.decode("latin-1"))
        kept.append(credential.hidden(line) if credential else line)
    return "\r\n".join(kept).encode("latin-1")
