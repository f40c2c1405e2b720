"""Structure kept when asked: by both extractors and by the readers of documents, with everything that follows."""

from __future__ import annotations

import pytest

from stages.documents import wikitext
from stages.text.normalization.structure import markdown
from tests.stages.documents import files
from tests.stages.documents.test_documents import DOCX
from tests.stages.prose import CHINESE, ENGLISH
from tests.stages.web.test_extract import html, run

PAGE = f"""<!doctype html><html><head><meta charset=utf-8><title>The mill</title></head><body>
<nav><ul><li><a href='/'>Home</a></li></ul></nav><main><article><h1>The <i>mill</i></h1><p>{{text}}</p>
<h2>Parts</h2><ol><li>a wheel<ul><li>of oak</li><li>of iron</li></ul></li><li>two stones</li></ol>
<table><tr><th>flour</th><th>price</th></tr><tr><td>rye</td><td>2 | 3</td></tr></table><p>{{text}}</p>
<pre><code>def grind(x):
    if x:
        return  "ann@example.com"
</code></pre>
<p>Run <code>grind(1)</code> and <a href="/x">see</a>.</p><p>{ENGLISH}</p></article></main>
<footer>Imprint</footer></body></html>"""
KEPT = (
    "# The mill\n", "\n## Parts\n", "1. a wheel\n   - of oak\n   - of iron\n2. two stones\n",
    "| flour | price |\n|---|---|\n| rye | 2 \\| 3 |",
    '```\ndef grind(x):\n    if x:\n        return  "<EMAIL>"\n```', "Run `grind(1)` and see.",
)  # fmt: skip


@pytest.mark.parametrize("extractor", ["resiliparse", "trafilatura"])
@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_both_extractors_keep_structure(extractor: str, text: str) -> None:
    """Headings, nested lists, tables and exact code as Markdown, without menus; addresses in code are redacted."""
    (document,), _ = run(html(PAGE.replace("{text}", text)), extractor=extractor, structure=True, min_share=0)
    for part in KEPT:
        assert part in document["text"]
    assert text in document["text"]
    assert "Home" not in document["text"] and "Imprint" not in document["text"]
    assert document["extraction"].endswith(" structure=true") and document["extractor"] == extractor
    span = next(span for span in document["redacted"] if span["kind"] == "EMAIL")
    assert document["text"][span["start"] :].startswith("<EMAIL>")


DOCUMENTS = [
    (files.docx("", "Head", "Body.", [["a", "b"], ["c", "d"]]), DOCX,
     "# Head\n\nBody.\n\n| a | b |\n|---|---|\n| c | d |"),
    (files.epub(files.CHAPTER.format(head="One", text="two<ol><li>a</li></ol><pre>x\n  y</pre>")),
     "application/epub+zip", "# One\n\ntwo\n\n1. a\n\n```\nx\n  y\n```"),
    (files.epub("<h2>no XML</h2><br>but HTML"), "application/epub+zip", "## no XML\n\nbut HTML"),
    (files.jats("Mills", "Short.", "Long."), "application/jats+xml",
     "# Mills\n\nShort.\n\n## Grain & stones\n\nLong. café [1]"),
    (files.tei("Mills", "To"), "application/tei+xml", "# Mills\n\n## One\n\nTo the end.\n\na verse\nanother"),
    (files.latex("Mills", "To"), "text/x-tex", "## Grain\n\nTo\nWith $x^2$ and care."),
    (b"# A\n\n- a\n    - b\n\n```\n\tx  y\n```\n", "text/markdown", "# A\n\n- a\n    - b\n\n```\n\tx  y\n```"),
    (b"== A ==\n  plain", "text/plain", "== A ==\nplain"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "mime", "text"), DOCUMENTS)
def test_documents_keep_their_structure(body: bytes, mime: str, text: str) -> None:
    """Headings by their level, lists, tables and code as far as a format says them; plain text says nothing."""
    (document,), _ = run({"body": body, "mime": mime}, structure=True)
    assert document["text"] == text
    assert ("structure=true" in (document["extraction"] or "")) == (mime != "text/plain")


def test_wikitext_keeps_its_headings() -> None:
    """By their level."""
    assert markdown(wikitext.read("== A [[b|c]] ==\ntext\n=== D ===", "utf-8", structure=True).text) == (
        "## A c\n\ntext\n\n### D"
    )


def test_word_names_its_headings_by_style() -> None:
    """A style that has another id than Word's English ones is a heading by its name."""
    import io
    import zipfile

    made = zipfile.ZipFile(io.BytesIO(files.docx("", "Head", "Body.", [[""]])))
    members = {name: made.read(name).replace(b'"Heading1"', b'"a"') for name in made.namelist()}
    (document,), _ = run({"body": files.zipped(members), "mime": DOCX}, structure=True)
    assert document["text"] == "# Head\n\nBody."
