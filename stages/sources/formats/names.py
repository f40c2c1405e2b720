"""Which format a file is read as: what its settings say, else what the end of its name says."""

from __future__ import annotations

from stages.sources.formats import UnreadableFile
from stages.sources.packed import unpacked_name
from stages.sources.settings.reading import Reading

DOCUMENTS = {
    "text": "text/plain", "html": "text/html", "markdown": "text/markdown", "latex": "application/x-latex",
    "xml": "application/xml", "pdf": "application/pdf", "epub": "application/epub+zip",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}  # fmt: skip
"""Formats of which a file is one document, with the media type by which `clean` reads it."""
EXTENSIONS = {
    "txt": "text", "md": "markdown", "markdown": "markdown", "rst": "text", "html": "html", "htm": "html",
    "xhtml": "html", "tex": "latex", "xml": "xml", "nxml": "xml", "pdf": "pdf", "epub": "epub", "docx": "docx",
    "jsonl": "jsonl", "ndjson": "jsonl", "json": "json", "csv": "csv", "tsv": "tsv", "tab": "tab",
    "parquet": "parquet", "arrow": "arrow", "arrows": "arrow", "feather": "arrow", "ipc": "arrow", "mbox": "mbox",
}  # fmt: skip


def format_of(path: str, reading: Reading) -> str:
    """The format to read a file as. Errors: UnreadableFile where neither `format` nor the file name says it."""
    extension = unpacked_name(path).rpartition("/")[2].rpartition(".")[2].lower()
    found = reading.format or EXTENSIONS.get(extension)
    if found is None:
        raise UnreadableFile(f"no format is known for `.{extension}`; give `format` in crawl.sources")
    return found


def is_one_document(path: str, reading: Reading) -> bool:
    """Is the whole file one document, whatever its length?"""
    try:
        return format_of(path, reading) in DOCUMENTS
    except UnreadableFile:
        return True
