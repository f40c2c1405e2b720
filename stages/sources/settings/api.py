"""The source kind `api`: what to ask a JSON or XML interface, how it pages, and where its records hold what.

Every request stays on the origin of `base`. `{query}`, `{email}` and the names of `values` may stand in `base`, `path`,
`params` and `items.url`. What decides the answers enters `api_digest`; how records are read does not: a new column
is read from the log, without a request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from catalog.digests import digest_of
from stages.sources.settings.archive import MEGABYTE
from stages.sources.settings.client import Client
from stages.sources.settings.naming import check_name
from stages.sources.settings.records import Format, Records
from stages.web.auth import Auth
from stages.web.credentials import holds_secret, is_secret, origin_of, redacted
from stages.web.egress import parse_networks

DECIDES = (
    "base", "path", "query", "values", "params", "headers", "paging", "items", "since", "max_pages", "max_records",
    "max_total_bytes",
)  # fmt: skip
"""Settings that decide which answers there are; a change of another one replays the old answers."""
HEADERS = frozenset(("accept", "accept-language", "api-user-agent", "prefer", "x-github-api-version"))
"""Request headers that params.yaml may set; all others are the client's own, or secrets, which `auth` sends."""
LOOPBACK = re.compile(r"localhost|127(\.\d+){3}|\[?::1\]?")
CONTACT = re.compile(r"mailto:[^@\s]+@[^@\s]+\.[^@\s]+|https?://\S+\.\S+")
PLACE = re.compile(r"\{([a-z_]+)\}")
CURSORS = ("cursor", "merge", "url")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """How one page of a list leads to the next.

    `kind`    page, offset: a number in `param` that grows by `step` from `start`
              cursor: the value at `path` of the answer goes into `param`; `first` opens the list
              merge: the object at `path` is merged into the parameters (MediaWiki's `continue`)
              url: `path` holds the whole next URL;  link: the header Link does, with rel=next
    `keep`    parameters sent beside a cursor; all by default (OAI-PMH wants the verb alone)
    `more`    path of what is true while there are further pages
    `total`   path of the number of records of the whole list
    `size`    records of a full page: a shorter one is the last
    `until_empty`  a page without records is the last one
    """

    kind: Literal["none", "page", "offset", "cursor", "merge", "url", "link"] = "none"
    param: str | None = None
    path: str | None = None
    first: str | None = None
    start: int = 0
    step: int = 1
    size: int | None = None
    keep: tuple[str, ...] | None = None
    more: str | None = None
    total: str | None = None
    until_empty: bool = True

    def __post_init__(self) -> None:
        if self.kind in ("page", "offset", "cursor") and not self.param:
            raise ValueError(f"`param` is missing: which parameter holds the {self.kind}?")
        if self.kind in CURSORS and not self.path:
            raise ValueError(f"`path` is missing: where does the answer hold the next {self.kind}?")
        if self.step < 1 or (self.size is not None and self.size < 1):
            raise ValueError("`step` and `size` must be >= 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list that gives only keys; records are read from the answers to `url`, `batch` keys at a time.

    `{key}` in `url` and `params` is the key, `{key_path}` the same with its slashes as they are.

    `keys`     path of the keys in an answer of the list, whose `format` it is
    `descend`  the one key is a number: ask for it and every smaller one
    `once`     an item that was captured is not asked for again
    """

    url: str
    keys: str
    params: dict[str, str] = field(default_factory=dict)
    batch: int = 1
    format: Format = "json"
    descend: bool = False
    once: bool = False

    def __post_init__(self) -> None:
        if not any("{key" in text for text in (self.url, *self.params.values())):
            raise ValueError("`{key}` is missing in `url` and `params`: where does the key of an item go?")
        if self.batch < 1:
            raise ValueError(f"`batch` is {self.batch}, must be >= 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """How a list that was read to its end is continued: `param` holds the newest value at `path` of the answers.

    `take`  newest: of all answers;  first: of the first answer of each list (the server's clock)
    `cut`   characters of it that are sent;  `write`  how, as in `from-index-date:{since}`
    """

    param: str
    path: str
    take: Literal["newest", "first"] = "newest"
    cut: int | None = None
    write: str = "{since}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """What an answer with status 200 says when it is none: paths of an error and of the seconds to wait.

    `nothing` are errors that mean an empty list; `passing` those worth another attempt.
    """

    error: str | None = None
    nothing: tuple[str, ...] = ()
    passing: tuple[str, ...] = ()
    backoff: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSource:
    """Records of a JSON or XML interface, page by page.

    `body` makes each request a POST of this JSON: a text in it that is nothing but a name in braces stands for that
    parameter, which is then sent there alone (null where there is none), or else for one of the names above.
    `contact` says whom to write to (`mailto:you@example.org` or a URL); it is sent with `user_agent`.
    `delay` seconds between requests; `max_wait` seconds that a used-up rate limit may be waited for; `max_bytes` per
    answer; `max_pages` answers, `max_records` records and `max_total_bytes` bytes of one run.
    """

    name: str
    licence: str
    base: str
    records: Records
    path: str = ""
    query: str | None = None
    values: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    auth: Auth | None = None
    contact: str | None = None
    user_agent: str = "gristmill/0.1"
    paging: Paging = Paging()
    items: Items | None = None
    since: Since | None = None
    failures: Failures = Failures()
    delay: float = 1.0
    timeout: float = 60.0
    attempts: int = 4
    max_wait: float = 900.0
    max_pages: int = 1000
    max_records: int = 1_000_000
    max_bytes: int = 16 * MEGABYTE
    max_total_bytes: int = 1024 * MEGABYTE
    allow_networks: tuple[str, ...] = ()
    client: Client = field(default_factory=Client)
    preset: str | None = None

    def __post_init__(self) -> None:
        check_name(self.name)
        problems = [*self._limits(), *self._identity(), *self._templates()]
        problems += [f"`headers`: {name} is not one of {', '.join(sorted(HEADERS))}" for name in self._odd_headers()]
        problems += [f"`params`: {name} holds a secret; give it as `auth`" for name in self._secrets()]
        problems += self._body_problems()
        if problems:
            raise ValueError("\n".join(problems))
        parse_networks(self.allow_networks)
        self._check_origin()
        self._check_paths()

    def _limits(self) -> list[str]:
        lows = {"delay": 0, "attempts": 1, "max_wait": 0, "max_pages": 1, "max_records": 1, "max_bytes": 1}
        found = [name for name, low in lows.items() if getattr(self, name) < low]
        problems = [f"`{name}` is {getattr(self, name)}, must be >= {lows[name]}" for name in found]
        return problems + ([] if self.timeout > 0 else [f"`timeout` is {self.timeout}, must be > 0 seconds"])

    def _identity(self) -> list[str]:
        if self.contact is not None and not CONTACT.fullmatch(self.contact):
            return [f"`contact` is {self.contact!r}, must be mailto:NAME@HOST or a URL"]
        if not self.agent.strip() or not self.agent.isprintable():
            return ["`user_agent` is empty or not printable; say who asks"]
        local = LOOPBACK.fullmatch(urlsplit(self.filled(self.base)).hostname or "")
        if not local and not CONTACT.search(self.agent):
            return ["`contact` is missing: interfaces want to know whom to write to; `contact: mailto:you@example.org`"]
        return []

    def _templates(self) -> list[str]:
        texts = [self.base, self.path, *self.params.values(), self.items.url if self.items else ""]
        texts += self.items.params.values() if self.items else ()
        names = {name for text in texts for name in PLACE.findall(text)} - self.places.keys() - {"key", "key_path"}
        return [f"`{name}` is missing: the request asks for it" for name in sorted(names)]

    def _odd_headers(self) -> list[str]:
        return sorted(name for name in self.headers if name.lower() not in HEADERS)

    def _secrets(self) -> list[str]:
        written = self.params | (self.items.params if self.items else {})
        return sorted(name for name, value in written.items() if is_secret(name, value))

    def _body_problems(self) -> list[str]:
        try:
            json.dumps(self.body, allow_nan=False)
        except (TypeError, ValueError) as error:
            return [f"`body` cannot be sent as JSON: {error}"]
        secret = sorted(name for name, value in texts_in(self.body) if is_secret(name, value))
        problems = [f"`body`: {name} holds a secret; give it as `auth`" for name in secret]
        if self.body and self.items:
            problems.append("`items` are asked for by GET; they cannot stand beside `body`")
        return problems

    def _check_origin(self) -> None:
        base = self.filled(self.base)
        try:
            fit = base.startswith(("http://", "https://")) and not holds_secret(base)
        except ValueError:
            fit = False
        if not fit or "?" in base:
            raise ValueError(f"`base` is {redacted(base)!r}, must be an http(s) URL without user name and parameters")
        for name in ("path", "items"):
            target = self.filled(self.path if name == "path" else self.items.url if self.items else "", key="1")
            if origin_of(base + target) != origin_of(base):
                raise ValueError(f"`{name}` leads from {base} to another origin")
            if holds_secret(base + target):
                raise ValueError(f"`{name}` holds a secret; give it as `auth`")

    def _check_paths(self) -> None:
        from stages.sources.api.answers import check_path

        listed = [self.paging.path, self.paging.more, self.paging.total, self.failures.error, self.failures.backoff]
        listed += [self.since.path if self.since else None, self.items.keys if self.items else None]
        for path in filter(None, listed):
            check_path(path, self.listing, self.records.namespaces)
        for path in self.records.paths():
            check_path(path, self.records.format, self.records.namespaces)

    @property
    def listing(self) -> Format:
        """The format of the list's answers."""
        return self.items.format if self.items else self.records.format

    @property
    def agent(self) -> str:
        """The User-Agent header."""
        return f"{self.user_agent} (+{self.contact})" if self.contact else self.user_agent

    @property
    def places(self) -> dict[str, str]:
        """What the names in braces stand for."""
        own = {"query": self.query, "email": (self.contact or "loopback@localhost").removeprefix("mailto:")}
        return {name: value for name, value in own.items() if value is not None} | self.values

    def filled(self, text: str, **more: str) -> str:
        """`text` with the names in braces replaced, for a URL: quoted, but for `,`, and `/` outside of `{key}`."""
        places = self.places | more | ({"key_path": more["key"]} if "key" in more else {})
        return PLACE.sub(lambda found: quote(places.get(found[1], ""), safe="," if found[1] == "key" else "/,"), text)

    def parameters(self, params: dict[str, str], **more: str) -> dict[str, str]:
        """Parameters with the names in braces replaced."""
        places = self.places | more
        return {name: PLACE.sub(lambda found: places.get(found[1], ""), text) for name, text in params.items()}


def texts_in(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """(key, text) of every text in a JSON value."""
    if isinstance(value, str):
        yield name, value
    for key, one in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from texts_in(one, key if isinstance(key, str) else name)


def api_digest(source: ApiSource) -> str:
    """Digest of the settings that decide which answers there are."""
    values: dict[str, Any] = asdict(source)
    body = {"body": source.body} if source.body else {}  # logs from before there were bodies stand
    return digest_of({name: values[name] for name in DECIDES} | body)
