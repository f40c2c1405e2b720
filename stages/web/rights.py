"""Rights signals: what a page, its headers, robots.txt and well-known files say about its use. Pure; all of it is kept.

    page_signals        X-Robots-Tag, tdm-reservation, Content-Usage and Link headers; meta and link elements
    robots_signals      robots.txt: crawlers that gather training data, by name; Content-Usage, Content-Signal
    well_known_signals  /ai.txt and /.well-known/tdmrep.json
Whether a signal refuses training is decided late, in stages/web/refusals.py. The AIPREF drafts are no RFC yet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from protego import Protego

from stages.web.refusals import Signal, refuses
from stages.web.robots import MAX_BYTES, closed, fits, known_lines, product_token, robots_lines
from stages.web.tags import tags
from stages.web.urls import origin

__all__ = ["WELL_KNOWN", "Signal", "page_signals", "refuses", "robots_signals", "well_known_signals"]

WELL_KNOWN = ("/.well-known/tdmrep.json", "/ai.txt")
TRAINING_CRAWLERS = (
    *("AI2Bot", "Amazonbot", "anthropic-ai", "Applebot-Extended", "Bytespider", "CCBot", "ClaudeBot", "Claude-Web"),
    *("cohere-ai", "cohere-training-data-crawler", "Diffbot", "FacebookBot", "Google-Extended", "GPTBot"),
    *("ImagesiftBot", "meta-externalagent", "omgili", "omgilibot", "PanguBot", "SBIntuitionsBot"),
    *("Timpibot", "VelenPublicWebCrawler", "Webzio-Extended"),
)
"""Product tokens of crawlers that gather training data, by their operators' documentation; not those that search."""
WORDS = frozenset(("all", "noai", "noimageai", "noindex", "none", "index"))
MAX_SIGNALS = 64  # of one page and place
MAX_VALUE = 500  # characters
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_CRAWLERS = {name.lower(): name for name in TRAINING_CRAWLERS}
_LINK = re.compile(r"<([^<>]{1,2000})>([^<>]{0,2000})")
_LICENCE = re.compile(r"\brel\s{0,9}=\s{0,9}\"?[^\"=;,]{0,200}\blicense\b", re.I)
_PREFERENCE = re.compile(r"([a-z][a-z0-9_-]{0,40})=(y|n|yes|no|\?[01])", re.I)


def page_signals(headers: bytes, html: bytes) -> tuple[Signal, ...]:
    """What an answer says: header lines as the crawl log has them (`Name: value`, CRLF between), and its body."""
    text = html.decode("utf-16" if html.startswith(_UTF16) else "latin-1", "replace")
    return _unique([*_header_signals(headers.decode("latin-1")), *_html_signals(text)])


def _unique(signals: Iterable[Signal]) -> tuple[Signal, ...]:
    """Each signal once, sorted, so that the order of headers and lines decides nothing."""
    found = {one for one in signals if one.value and len(one.value) <= MAX_VALUE}
    return tuple(sorted(found, key=lambda one: (not refuses(one), one.signal, one.where, one.value))[:MAX_SIGNALS])


def _header_signals(headers: str) -> Iterator[Signal]:
    for line in headers.splitlines():
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        if name == "x-robots-tag":
            yield Signal("x-robots-tag", _directives(value), "header")
        elif name == "tdm-reservation":
            yield Signal("tdm-reservation", _bit(value), "header")
        elif name in ("content-usage", "content-signal"):
            yield Signal(name, _stated(value), "header")
        elif name == "link":
            for target, rest in _LINK.findall(value):
                if _LICENCE.search(rest):
                    yield Signal("licence", target.strip(), "header")


def _html_signals(page: str) -> Iterator[Signal]:
    lower = page.lower()
    names = ("meta", "link", "a") if "license" in lower else ("meta",)
    for tag, attributes in tags(page, names) if "<meta" in lower or len(names) > 1 else ():
        if tag != "meta":
            if "license" in attributes.get("rel", "").lower().split():
                yield Signal("licence", attributes.get("href", ""), "link")
            continue
        name, value = attributes.get("name", "").lower(), attributes.get("content", "")
        if name == "robots" or name in _CRAWLERS:
            yield Signal("meta-robots", _known_words(value), "meta")
        elif name == "tdm-reservation":
            yield Signal(name, _bit(value), "meta")


def _directives(value: str) -> str:
    """The words of an X-Robots-Tag that hold for everyone or for a crawler that gathers training data."""
    words, concerned = [], True
    for part in value.split(","):
        agent, colon, word = part.rpartition(":")
        if colon and "unavailable_after" not in part.lower():
            concerned = agent.strip().lower() in ("*", "robots", *_CRAWLERS)
        if concerned:
            words.append(word)
    return _known_words(",".join(words))


def _known_words(text: str) -> str:
    return ", ".join(sorted({word for one in text.split(",") if (word := one.strip().lower()) in WORDS}))


def _bit(value: str) -> str:
    return value if value in ("0", "1") else ""


def _stated(text: str) -> str:
    """Preferences as `name=value`, sorted; of one name the last counts (RFC 9651, dictionaries)."""
    stated = {}
    for part in text.split(","):
        if found := _PREFERENCE.fullmatch(part.partition(";")[0].strip()):
            stated[found[1].lower()] = found[2].lower()
    return ", ".join(f"{name}={value}" for name, value in sorted(stated.items()))


@dataclass(slots=True)
class Group:
    """One group of a robots.txt: whom it concerns, and the usage lines it holds."""

    agents: set[str] = field(default_factory=set)
    usages: list[tuple[str, str]] = field(default_factory=list)
    ruled: bool = False


def robots_signals(body: bytes, agent: str, url: str) -> tuple[Signal, ...]:
    """What a robots.txt says of a canonical `url`: to crawlers that gather training data, and to `agent`."""
    groups, matcher = _read(body)
    return _unique([*_named(groups, matcher, url), *_usages(groups, agent, url)])


@lru_cache(16)  # asked page by page, and parsed once per host
def _read(body: bytes) -> tuple[tuple[Group, ...], Protego]:
    """The groups, the first of which holds the lines before any user agent: they are for everyone."""
    groups = [Group({"*"}, ruled=True)]
    for name, value in robots_lines(body):
        if name == "user-agent":
            if groups[-1].ruled:
                groups.append(Group())
            groups[-1].agents.add(product_token(value))
        elif name in ("allow", "disallow", "content-usage", "content-signal"):
            groups[-1].ruled = True
            if name.startswith("content"):
                groups[-1].usages.append((name, value))
    return tuple(groups), Protego.parse(known_lines(body))


def _named(groups: tuple[Group, ...], matcher: Protego, url: str) -> Iterator[Signal]:
    """The verdict on each training crawler that is called by its name."""
    named = {agent for group in groups for agent in group.agents} & _CRAWLERS.keys()
    for agent in sorted(named):
        verdict = "allow" if matcher.can_fetch(url, closed(agent)) else "disallow"
        yield Signal("robots", f"{_CRAWLERS[agent]}: {verdict}", "robots.txt")


def _usages(groups: tuple[Group, ...], agent: str, url: str) -> Iterator[Signal]:
    """The usage lines of the groups that concern `agent`, or else everyone: of one name, the longest path that fits."""
    concerned = [group for group in groups if product_token(agent) in group.agents]
    concerned = concerned or [group for group in groups if "*" in group.agents]
    best: dict[str, tuple[int, str]] = {}
    for name, value in (usage for group in concerned for usage in group.usages):
        path, stated = _placed(value)
        if fits(path, url) and len(path) >= best.get(name, (0, ""))[0]:
            best[name] = (len(path), _stated(stated))
    for name, (_, stated) in best.items():
        yield Signal(name, stated, "robots.txt")


def _placed(value: str) -> tuple[str, str]:
    """(path, preferences) of a usage line; without a path it holds everywhere."""
    if not value.startswith(("/", "*")):
        return "/", value
    path, _, stated = value.partition(" ")
    return path, stated


def well_known_signals(path: str, body: bytes, url: str) -> tuple[Signal, ...]:
    """What the file that was fetched from `path`, one of WELL_KNOWN, says of a canonical `url`."""
    return _unique(_ai_txt(body, url) if path == "/ai.txt" else _tdm_file(body, path, url))


def _ai_txt(body: bytes, url: str) -> Iterator[Signal]:
    """ai.txt is written like robots.txt; what it says of everyone counts."""
    if any(name in ("allow", "disallow") for name, _ in robots_lines(body)):
        verdict = "allow" if _read(body)[1].can_fetch(url, "*") else "disallow"
        yield Signal("ai-txt", f"*: {verdict}", "/ai.txt")


def _tdm_file(body: bytes, path: str, url: str) -> Iterator[Signal]:
    """TDMRep, section 6: the first rule whose `location` fits the path counts, as in robots.txt."""
    try:
        rules: Any = json.loads(body[:MAX_BYTES])
    except (ValueError, RecursionError):
        return
    for rule in rules if isinstance(rules, list) else ():
        location = rule.get("location") if isinstance(rule, dict) else None
        if isinstance(location, str) and fits(_path_of(location, url), url):
            yield Signal("tdm-reservation", _bit(str(rule.get("tdm-reservation"))), path)
            return


def _path_of(location: str, url: str) -> str:
    """The path pattern of a location on the host of `url`; nothing where it names another host."""
    if not location.lower().startswith(("http://", "https://")):
        return location
    start = f"{origin(url)}/"
    return location[len(start) - 1 :] if location.startswith(start) else ""
