"""What the cards of data and of models say alike in their front matter, which the Hugging Face hub reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from stages.publication.author import Author
from stages.publication.facts import Facts
from stages.publication.licences import hub_name


def licence_names(facts: Facts, author: Author) -> list[str]:
    """The licence that the author gives the collection, else those of its sources."""
    return [author.licence] if author.licence else [row["licence"] for row in facts["licences"]]


def languages_and_licences(facts: Facts, author: Author) -> dict[str, Any]:
    """The keys `language` and `license`."""
    return {
        "language": [row["language"] for row in facts["languages"] if row["language"] not in (None, "und")],
        "license": sorted({hub_name(name) for name in licence_names(facts, author)}) or ["other"],
    }


def document(front: dict[str, Any], blocks: Iterable[str]) -> str:
    """Blocks of Markdown below their front matter."""
    head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    return f"---\n{head}---\n\n" + "\n\n".join(blocks) + "\n"
