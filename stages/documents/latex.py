"""LaTeX source -> its text: comments, preamble, bibliography and floats go, formulas stay as they are written.

Source  pylatexenc 2.11: 0.25 MB/s, in linear time; it reads no other file. Its parser calls itself once per open group,
        hence MAX_DEPTH, which is found by one pass over the characters.
"""

from __future__ import annotations

import functools
import logging
import re
from typing import Any

from stages.documents.reading import Read, UnreadableError
from stages.text.normalization.structure import HEADINGS, marked

MAX_DEPTH = 40  # groups and environments open at once; Python's stack ends at some 120
OPENING = re.compile(r"\\(?:begin|end)\b|\\.|[{}]", re.S)
BEGIN = re.compile(r"^[^%\n]{0,1024}?\\begin\{document\}", re.M)
END = re.compile(r"^[^%\n]{0,1024}?(\\end\{document\})", re.M)
TITLE = re.compile(r"^[^%\n]{0,1024}?\\title(?:\[[^\]]{0,512}\])?\s{0,8}\{", re.M)
MAX_TITLE = 2048  # characters of source
DROPPED_ENVIRONMENTS = (
    "thebibliography",
    "figure",
    "figure*",
    "table",
    "table*",
    "tikzpicture",
    "comment",
    "filecontents",
)
DROPPED_MACROS = (
    "cite", "citep", "citet", "citealp", "autocite", "parencite", "textcite", "ref", "eqref", "autoref", "cref",
    "label", "bibliography", "bibliographystyle", "maketitle", "includegraphics", "vspace", "hspace", "pagestyle",
    "thispagestyle",
)  # fmt: skip
LEVELS = {
    "part": 1, "chapter": 1, "section": 2, "subsection": 3, "subsubsection": 4, "paragraph": 5, "subparagraph": 6,
}  # fmt: skip


def read(source: str, charset: str, *, structure: bool = False) -> Read:
    """The document. Errors: UnreadableError where it is nested too deep."""
    found = TITLE.search(source)
    title = " ".join(_text(_group(source[found.end() : found.end() + MAX_TITLE])).split()) if found else None
    return Read(text=_text(_body(source), structure), title=title or None, charset=charset)


def _body(source: str) -> str:
    """What stands between \\begin{document} and \\end{document}; everything in a file without them."""
    begin = BEGIN.search(source)
    start = begin.end() if begin else 0
    end = END.search(source, start)
    return source[start : end.start(1) if end else len(source)]


def _group(source: str) -> str:
    """Up to the brace that closes a group, which is open already."""
    depth = 1
    for found in OPENING.finditer(source):
        depth += {"{": 1, "}": -1}.get(found.group(), 0)
        if depth == 0:
            return source[: found.start()]
    return ""


def _depth(source: str) -> int:
    """Groups and environments open at once, at most."""
    depth = deepest = 0
    for found in OPENING.finditer(source):
        step = {"{": 1, "\\begin": 1, "}": -1, "\\end": -1}.get(found.group(), 0)
        depth = max(0, depth + step)
        deepest = max(deepest, depth)
    return deepest


def _text(source: str, structure: bool = False) -> str:
    if _depth(source) > MAX_DEPTH:
        raise UnreadableError(f"LaTeX nested more than {MAX_DEPTH} deep")
    try:
        return str(_converter(structure).latex_to_text(source, tolerant_parsing=True))
    except RecursionError:
        raise UnreadableError(f"LaTeX nested more than {MAX_DEPTH} deep") from None


def _heading(node: Any, l2tobj: Any) -> str:  # pylatexenc calls it by these names
    """A heading as a paragraph; by default it would be in capitals."""
    return f"\n\n{l2tobj.nodelist_to_text(node.nodeargd.argnlist[-1:]).strip()}\n\n"


def _marked_heading(node: Any, l2tobj: Any) -> str:
    return marked(HEADINGS[LEVELS[node.macroname] - 1], _heading(node, l2tobj))


@functools.cache
def _converter(structure: bool) -> Any:
    from pylatexenc.latex2text import (  # type: ignore[import-untyped]
        EnvironmentTextSpec,
        LatexNodes2Text,
        MacroTextSpec,
        get_default_latex_context_db,
    )

    logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)  # it warns of every macro that lacks an argument
    context = get_default_latex_context_db()
    context.add_context_category(
        "dropped",
        prepend=True,
        macros=[
            *(MacroTextSpec(name, discard=True) for name in DROPPED_MACROS),
            *(MacroTextSpec(name, simplify_repl=_marked_heading if structure else _heading) for name in LEVELS),
        ],
        environments=[EnvironmentTextSpec(name, discard=True) for name in DROPPED_ENVIRONMENTS],
    )
    return LatexNodes2Text(latex_context=context, math_mode="verbatim", keep_comments=False)
