"""Markdown -> the text as it was written, without front matter; the title is that of the front matter or first heading.

Front matter goes only where it is simple: lines of `key: value`, of a list or indented, between two lines of `---`.
"""

from __future__ import annotations

import re

from stages.documents.reading import Read

REST = r"[^\r\n]{0,4096}"
LINE = rf"(?:[A-Za-z_][\w.-]{{0,63}}:(?:[ \t]{REST})?|[ \t]{REST}|-[ \t]{REST}|#{REST}|)\r?\n"
FRONT_MATTER = re.compile(rf"---[ \t]{{0,8}}\r?\n((?:{LINE}){{0,256}})---[ \t]{{0,8}}(?:\r?\n|\Z)")
TITLE = re.compile(r"^title:[ \t]{1,8}(.{1,512}?)[ \t\r]{0,8}$", re.M)
HEADING = re.compile(r"^#[ \t]{1,8}(\S.{0,511}?)[ \t#\r]{0,16}$", re.M)


def read(text: str, charset: str) -> Read:
    """The text."""
    front = FRONT_MATTER.match(text)
    rest = text[front.end() :] if front else text
    named = TITLE.search(front.group(1)) if front else None
    heading = named or HEADING.search(rest)
    return Read(text=rest, title=_unquoted(heading.group(1)) if heading else None, charset=charset)


def _unquoted(value: str) -> str | None:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return (value[1:-1] if quoted else value).strip() or None
