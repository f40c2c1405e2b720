"""The list `crawl.sources` of params.yaml -> records (stages/sources/settings/), all its problems at once.

An entry is written flat: the keys of the archive a source reads, or of how its files are read, stand beside its name.
"""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

from stages.sources.api.preset import with_preset
from stages.sources.settings.api import ApiSource
from stages.sources.settings.archive import ArchiveSource, Pinned
from stages.sources.settings.files import FilesSource
from stages.sources.settings.reading import Reading
from stages.sources.settings.site import Served, SiteSource
from stages.sources.settings.warc import WarcSource

Source = ArchiveSource | FilesSource | SiteSource | ApiSource | WarcSource

KINDS: dict[str, type[Any]] = {
    "archive": ArchiveSource,
    "files": FilesSource,
    "site": SiteSource,
    "api": ApiSource,
    "warc": WarcSource,
}

FLAT: dict[type[Any], tuple[str, type[Any]]] = {
    ArchiveSource: ("archive", Pinned),
    FilesSource: ("reading", Reading),
    Served: ("archive", Pinned),
}
"""Records whose one field is written flat in params.yaml: the field, and its record."""


def parse_sources(entries: Sequence[Any]) -> tuple[Source, ...]:
    """The sources of params.yaml. Errors: ValueError with one line per problem of the whole list."""
    sources: list[Source] = []
    problems: list[str] = []
    for position, entry in enumerate(entries):
        where = f"sources[{position}]"
        if not isinstance(entry, Mapping):
            problems.append(f"{where} is {entry!r}, must be a mapping")
            continue
        where = f"source {entry.get('name', position)}"
        kind = KINDS.get(str(entry.get("kind")))
        if kind is None:
            problems.append(f"{where}: `kind` is {entry.get('kind')!r}, must be one of {', '.join(KINDS)}")
            continue
        values = {key: value for key, value in entry.items() if key != "kind"}
        try:
            whole = with_preset(values) if kind is ApiSource else values
            sources.append(_record(kind, _grouped(kind, whole)))
        except ValueError as error:
            problems += [f"{where}: {line}" for line in str(error).splitlines()]
    problems += [line for source in sources for line in _same_match(source)]
    names = [source.name for source in sources]
    problems += [f"source {name}: the name is used twice" for name in sorted({n for n in names if names.count(n) > 1})]
    if problems:
        raise ValueError("\n".join(problems))
    return tuple(sources)


def _same_match(source: Source) -> list[str]:
    globs = [reading.match for reading in source.members] if isinstance(source, ArchiveSource) else []
    twice = sorted({glob for glob in globs if globs.count(glob) > 1})
    return [f"source {source.name}: `members` has `match: {glob}` twice" for glob in twice]


def _grouped(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Move keys that params.yaml writes flat into the record they belong to."""
    if kind not in FLAT:
        return dict(values)
    field, record = FLAT[kind]
    names = _names(record) - _names(kind)
    group = {key: value for key, value in values.items() if key in names}
    return {**{key: value for key, value in values.items() if key not in names}, field: group}


def _names(kind: type[Any]) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def _spellings(kind: type[Any]) -> list[str]:
    """Every key that params.yaml may write for a record."""
    if kind not in FLAT:
        return sorted(_names(kind))
    field, record = FLAT[kind]
    return sorted((_names(kind) | _names(record)) - {field})


def _record(kind: type[Any], values: Mapping[str, Any]) -> Any:
    """One record from YAML values. Errors: ValueError with one line per problem."""
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    problems = [_unknown(key, _spellings(kind)) for key in values if key not in fields]
    problems += [f"`{name}` is missing" for name, field in fields.items() if _required(field) and name not in values]
    built = {}
    for name in fields.keys() & values.keys():
        try:
            built[name] = _value(values[name], hints[name])
        except ValueError as error:
            problems += [f"`{name}` {line}" for line in str(error).splitlines()]
    if problems:
        raise ValueError("\n".join(sorted(problems)))
    return kind(**built)


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _unknown(key: object, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(str(key), known, 1)
    return f"unknown key `{key}`; " + (f"did you mean `{near[0]}`?" if near else f"known: {', '.join(known)}")


def _value(value: Any, hint: Any) -> Any:
    """A YAML value as the type a field declares. Errors: ValueError."""
    if get_origin(hint) in (typing.Union, types.UnionType):
        options = [option for option in get_args(hint) if option is not type(None)]
        if value is None and len(options) < len(get_args(hint)):
            return None
        fitting = [option for option in options if isinstance(option, type) and type(value) is option]
        return _value(value, (fitting or options)[0])
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise ValueError(f"is {value!r}, must be a mapping")
        kind = typing.cast("type[Any]", hint)
        return _record(kind, _grouped(kind, value))
    if get_origin(hint) is tuple:
        return _items(value, get_args(hint))
    if get_origin(hint) is dict:
        if not isinstance(value, Mapping):
            raise ValueError(f"is {value!r}, must be a mapping")
        return {str(key): _value(item, get_args(hint)[1]) for key, item in value.items()}
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ValueError(f"is {value!r}, must be one of {', '.join(get_args(hint))}")
        return value
    if hint is Any:
        return value
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise ValueError(f"is {value!r}, must be of type {hint.__name__}")
    return value


def _items(value: Any, hints: tuple[Any, ...]) -> tuple[Any, ...]:
    """A YAML list as a tuple of the declared types."""
    if not isinstance(value, list | tuple):
        raise ValueError(f"is {value!r}, must be a list")
    if hints[-1] is Ellipsis:
        return tuple(_value(item, hints[0]) for item in value)
    if len(value) != len(hints):
        raise ValueError(f"has {len(value)} items, must have {len(hints)}")
    return tuple(_value(item, hint) for item, hint in zip(value, hints, strict=True))
