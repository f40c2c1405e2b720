"""Small files of every document format, made by hand or by the library that writes them."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping

CHAPTER = (
    '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/>'
    "<style>p {{}}</style></head><body><h1>{head}</h1><p>{text}</p></body></html>"
)


def pdf(*pages: str, title: str = "", compress: bool = False, **properties: str) -> bytes:
    """A PDF of one line a page, in a font without outlines; its ToUnicode map says what the codes mean."""
    letters = sorted(set("".join(pages)))
    codes = {letter: number for number, letter in enumerate(letters, 1)}
    first = 6  # number of the first page
    kids = " ".join(f"{first + 2 * number} 0 R" for number in range(len(pages)))
    mapped = "\n".join(f"<{code:04x}> <{letter.encode('utf-16-be').hex()}>" for letter, code in codes.items())
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def "
        f"1 begincodespacerange <0000> <ffff> endcodespacerange {len(codes)} beginbfchar\n{mapped}\nendbfchar "
        "endcmap end end"
    )
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type0 /BaseFont /None /Encoding /Identity-H /ToUnicode 5 0 R "
        b"/DescendantFonts [4 0 R] >>",
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /None /DW 1000 "
        b"/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>",
        _stream(cmap.encode(), compress),
    ]
    for number, text in enumerate(pages):
        shown = "".join(f"{codes[letter]:04x}" for letter in text)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 60000 800] /Contents {first + 2 * number + 1} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        objects.append(_stream(f"BT /F1 12 Tf 20 700 Td <{shown}> Tj ET".encode(), compress))
    said = {"Title": title} | properties
    stated = " ".join(f"/{name} <feff{value.encode('utf-16-be').hex()}>" for name, value in said.items())
    objects.append(f"<< {stated} >>".encode())
    return _numbered(objects, f"/Root 1 0 R /Info {len(objects)} 0 R")


def _stream(content: bytes, compress: bool) -> bytes:
    packed = zlib.compress(content) if compress else content
    kind = b"/Filter /FlateDecode " if compress else b""
    return b"<< %s/Length %d >>\nstream\n%s\nendstream" % (kind, len(packed), packed)


def _numbered(objects: list[bytes], trailer: str) -> bytes:
    """A PDF file of these objects, numbered from 1."""
    body, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"trailer\n<< /Size {size} {trailer} >>\nstartxref\n{len(body)}\n%%EOF"
    return body + f"xref\n0 {size}\n0000000000 65535 f \n{table}{end}".encode()


def encrypted_pdf() -> bytes:
    """A PDF whose password nobody knows."""
    secret = b"00" * 32
    crypt = b"<< /Filter /Standard /V 1 /R 2 /Length 40 /O <" + secret + b"> /U <" + secret + b"> /P -4 >>"
    pages = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>", crypt]
    return _numbered(pages, "/Root 1 0 R /Encrypt 3 0 R /ID [<00> <00>]")


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    """A zip file; a member `mimetype` is stored as it is, as EPUB wants it."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        for name, content in members.items():
            file.writestr(name, content, zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED)
    return held.getvalue()


def epub(*chapters: str, title: str = "", said: str = "", **more: str) -> bytes:
    """A book with a navigation page; its chapters lie in the file in the opposite order of the spine."""
    names = [f"c{number}" for number in range(len(chapters))]
    items = "".join(f'<item id="{n}" href="text/{n}%20.xhtml" media-type="application/xhtml+xml"/>' for n in names)
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:title>{title}</dc:title>{said}</metadata><manifest>"
        f'<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>{items}</manifest>'
        f'<spine><itemref idref="nav"/>{"".join(f"<itemref idref={n!r}/>" for n in names)}</spine></package>'
    )
    container = '<container><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
    members = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": container,
        "OEBPS/book.opf": package,
        "OEBPS/nav.xhtml": CHAPTER.format(head="Contents", text="not prose"),
    }
    pages = {f"OEBPS/text/{name} .xhtml": text for name, text in zip(names, chapters, strict=True)}
    return zipped(members | dict(reversed(pages.items())) | more)


def docx(title: str, heading: str, text: str, table: list[list[str]]) -> bytes:
    """A document with a heading, a paragraph and a table."""
    from docx import Document

    document = Document()
    document.core_properties.title = title
    document.add_heading(heading)
    document.add_paragraph(text)
    grid = document.add_table(len(table), len(table[0]))
    for row, cells in zip(grid.rows, table, strict=True):
        for cell, value in zip(row.cells, cells, strict=True):
            cell.text = value
    held = io.BytesIO()
    document.save(held)
    return held.getvalue()


def jats(title: str, abstract: str, text: str) -> bytes:
    """An article with what readers do not read: a figure, a footnote, references."""
    return f"""<?xml version="1.0"?><!DOCTYPE article PUBLIC "-//NLM//DTD JATS 1.3//EN" "jats.dtd">
<article xmlns:xlink="http://www.w3.org/1999/xlink"><front><journal-meta><journal-title>The Journal</journal-title>
</journal-meta><article-meta><title-group><article-title>{title}</article-title></title-group>
<abstract><p>{abstract}</p></abstract><abstract abstract-type="graphical"><p>A picture.</p></abstract></article-meta>
</front>
<body><sec><label>1</label><title>Grain &amp; stones</title><p>{text} caf&eacute; <xref ref-type="bibr">[1]</xref></p>
<fig><caption><p>Figure of a wheel</p></caption></fig></sec></body>
<back><fn-group><fn><p>Footnote</p></fn></fn-group><ref-list><ref>Reference</ref></ref-list></back></article>""".encode()


def tei(title: str, text: str) -> bytes:
    """A text with a header, page furniture and a correction."""
    return f"""<?xml version="1.0" encoding="utf-8"?><!-- made by hand -->
<TEI xmlns="http://www.tei-c.org/ns/1.0"><teiHeader><fileDesc><titleStmt><title>{title}</title></titleStmt>
<publicationStmt><p>Unpublished</p></publicationStmt></fileDesc></teiHeader><text><body><div><head>One</head>
<p>{text} <choice><sic>teh</sic><corr>the</corr></choice> end.</p><fw>page 1</fw><lg><l>a verse</l><l>another</l></lg>
</div></body><back><listBibl><bibl>Reference</bibl></listBibl></back></text></TEI>""".encode()


def latex(title: str, text: str) -> bytes:
    """An article with a preamble, comments, a citation and a formula."""
    return (
        "% a comment\n\\documentclass{article}\n\\usepackage{amsmath}\n\\title{" + title + "}\n\\begin{document}\n"
        "\\maketitle\n\\section{Grain}\n" + text + "~\\cite{miller} % aside\nWith $x^2$ and \\emph{care}.\n"
        "\\begin{figure}\\caption{Figure of a wheel}\\end{figure}\n"
        "\\begin{thebibliography}{9}\\bibitem{miller} Reference\\end{thebibliography}\n\\end{document}\nafter the end"
    ).encode()
