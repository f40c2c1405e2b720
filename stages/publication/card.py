"""The data card: README.md with the front matter by which `datasets.load_dataset(DIR)` finds the splits."""

from __future__ import annotations

from typing import Any

from catalog.schema import CATALOG
from stages.publication import words
from stages.publication.author import Author
from stages.publication.facts import Facts
from stages.publication.front_matter import document, languages_and_licences
from stages.publication.markdown import escaped, table
from stages.publication.shards import SUFFIX
from stages.text.signals.table import SIGNALS

SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"),
         (10**8, "10M<n<100M"), (10**9, "100M<n<1B"))  # fmt: skip
KINDS = {
    "classification": "text-classification", "multilabel": "text-classification", "pairs": "text-classification",
    "spans": "token-classification", "relations": "token-classification", "questions": "question-answering",
    "generation": "text-generation",
}  # fmt: skip
"""Kind of task in params.yaml -> task category of the Hugging Face hub."""
MEANING = {
    "text": "the text, without the spans that deduplication removes",
    "labels": "its labels: task, the second text it is about, the class or JSON, and the target text",
    "about": CATALOG["labels"].field("about").metadata[b"unit"].decode(),
    "label": CATALOG["labels"].field("label").metadata[b"unit"].decode(),
    "target": "text to produce, in generation tasks",
}


def front_matter(facts: Facts, author: Author) -> dict[str, Any]:
    """What the hub reads: names, languages, licences, size, and where the files of each split are."""
    kinds = sorted({KINDS[row["kind"]] for row in facts["labels"] if row["kind"] in KINDS})
    found: dict[str, Any] = {
        "pretty_name": author.title,
        **languages_and_licences(facts, author),
        "size_categories": [size_category(facts.totals["documents"])],
    }
    found |= {"task_categories": kinds} if kinds else {}
    return found | ({"configs": [_config(facts)]} if facts.record.files else {})


def _config(facts: Facts) -> dict[str, Any]:
    suffix = SUFFIX["jsonl" if facts.record.form == "jsonl" else "parquet"]
    splits = [row["split"] for row in facts["splits"]]
    return {
        "config_name": "default",
        "data_files": [{"split": split, "path": f"data/{split}-*{suffix}"} for split in splits],
    }


def size_category(documents: int) -> str:
    """The hub's name for a number of documents."""
    return next((name for upper, name in SIZES if documents < upper), "n>1B")


def card(facts: Facts, author: Author) -> str:
    """The document."""
    return document(front_matter(facts, author), _body(facts, author))


def _body(facts: Facts, author: Author) -> list[str]:
    missing = "*Not described yet: the author writes it into `card.summary` of params.yaml.*"
    return [
        f"# {escaped(author.title)}",
        author.summary or missing,
        f"{words.sizes(facts)} Data version {facts.record.catalog[:12]}"
        + (f", {escaped(author.version)}." if author.version else "."),
        *_loading(facts),
        f"## Splits\n\n{words.splits(facts)}",
        f"## Languages\n\n{words.languages(facts)}",
        f"## Sources\n\n{words.sources(facts)}",
        f"## Labels\n\n{words.labels(facts)}",
        f"## How it was made\n\n{words.funnel(facts)}",
        f"## Rights\n\n{words.licences(facts)}\n\n{words.left_out(facts)}",
        f"## Personal data\n\n{words.personal(facts)}",
        "## More\n\nDATASHEET.md answers the questions of Gebru et al.; TRAINING_CONTENT.md follows the template of "
        f"the EU AI Act; croissant.json describes the files to programs.{_contact(author)}",
        *([f"## Citation\n\n{author.citation}"] if author.citation else []),
    ]


def _loading(facts: Facts) -> list[str]:
    if not facts.record.files:
        return []
    code = '```python\nfrom datasets import load_dataset\n\ndocuments = load_dataset("path/to/this/folder")\n```'
    return [code, f"## Columns\n\n{_columns(facts)}"]


def _columns(facts: Facts) -> str:
    rows = [
        {"name": field.name, "type": str(field.type).replace("item: ", ""), "meaning": _meaning(field.name)}
        for field in facts.record.columns.schema()
    ]
    return table(rows, name="column", type="type", meaning="meaning")


def _meaning(name: str) -> str:
    schema = SIGNALS if name in SIGNALS.names else CATALOG["documents"]
    known = (schema.field(name).metadata or {}).get(b"unit", b"") if name in schema.names else b""
    return MEANING.get(name) or known.decode()


def _contact(author: Author) -> str:
    said = [escaped(one) for one in (author.publisher, author.contact, author.url) if one]
    return f"\n\nPublished by {', '.join(said)}." if said else ""
