"""Sentences and tables that several reports share, each from facts alone."""

from __future__ import annotations

from stages.publication.facts import Facts
from stages.publication.markdown import counted, escaped, table
from stages.publication.selection import REASONS


def sizes(facts: Facts) -> str:
    """How much there is."""
    total = facts.totals
    return (
        f"{counted(total['documents'], 'document')} with {counted(total['characters'], 'character')} of text "
        f"({counted(total['tokens'], 'token')} of the project's tokenizer), "
        f"made from {counted(total['body_bytes'], 'byte')} as captured."
    )


def splits(facts: Facts) -> str:
    """Size of each split."""
    return table(facts["splits"], split="split", documents="documents", clusters="near-duplicate clusters",
                 characters="characters", tokens="tokens")  # fmt: skip


def sources(facts: Facts) -> str:
    """Each source, where it comes from and its licence."""
    return table(facts["sources"], source="source", gathered="gathered as", where_from="from", licence="licence",
                 documents="documents", characters="characters")  # fmt: skip


def languages(facts: Facts) -> str:
    """Size of each language."""
    return table(facts["languages"], language="language", documents="documents", characters="characters",
                 tokens="tokens")  # fmt: skip


def licences(facts: Facts) -> str:
    """Documents of each licence."""
    return table(facts["licences"], licence="licence", documents="documents")


def labels(facts: Facts) -> str:
    """Tasks with their labels, and the classes of those that have few."""
    if not facts["labels"]:
        return "None."
    tasks = table(
        facts["labels"], task="task", kind="kind", labels="labels", train="train", validation="validation", test="test",
        method="decided by", alpha="Krippendorff's alpha, per million", fit="fit for training",
    )  # fmt: skip
    return f"{tasks}\n\n{table(facts['classes'], task='task', label='class', labels='labels')}"


def annotators(facts: Facts) -> str:
    """Who labelled."""
    return table(facts["annotators"], task="task", who="who", annotators="how many", votes="votes")


def funnel(facts: Facts) -> str:
    """What became of every document of the corpus, and why some were dropped."""
    stages = table(facts["funnel"], stage="stage", rows_in="documents in", kept="kept", dropped="dropped",
                   quarantined="unreadable")  # fmt: skip
    drops = table(facts["drops"], stage="stage", drop_reason="rule", documents="documents dropped")
    return f"In the whole corpus, of which this is a part:\n\n{stages}\n\n{drops}"


def left_out(facts: Facts) -> str:
    """What of the corpus is not published, and why."""
    rows = [
        {"reason": reason, "meaning": meaning, "documents": facts.record.account[reason]}
        for reason, meaning in REASONS.items() if reason in facts.record.account
    ]  # fmt: skip
    kept = sum(facts.record.account.values())
    allowed = "".join(f" `{reason}` was set aside." for reason in facts.record.selection.allow)
    said = table(rows, reason="reason", meaning="meaning", documents="documents")
    return f"The corpus keeps {counted(kept, 'document')}; of these, left out here:{allowed}\n\n{said}"


def rights(facts: Facts) -> str:
    """Signals of sites on the use of their pages."""
    return table(facts["rights"], signal="signal", documents="documents captured with it",
                 refusing="of these, refusing", published="documents here")  # fmt: skip


def personal(facts: Facts) -> str:
    """Personal data that was replaced."""
    count = counted(facts.totals["redactions"], "value")
    return (
        f"{count} that looked like personal data or a secret (mail addresses, numbers of telephones and cards, keys) "
        "were replaced by a token that names the kind. What no pattern finds is still there."
    )


def crawl_days(facts: Facts) -> str:
    """When the sources that have a crawl log were asked."""
    if not facts["crawled"]:
        return "Nothing was asked over a network; the sources are files of a fixed content."
    return table(facts["crawled"], source="source", first_day="first asked", last_day="last asked", answers="answers")


def dates(facts: Facts) -> str:
    """When the documents say they were published."""
    total = facts.totals
    if not total["with_date"]:
        return "No document says when it was published."
    return (
        f"{counted(total['with_date'], 'document')} say when they were published: "
        f"{escaped(total['first_published'])} to {escaped(total['last_published'])}."
    )


def times(facts: Facts) -> str:
    """When it was gathered, and when it was published."""
    return f"{crawl_days(facts)}\n\n{dates(facts)}"


def media(facts: Facts) -> str:
    """What the documents were read from."""
    return table(facts["media"], mime="media type", extractor="read by", documents="documents", body_bytes="bytes")


def synthetic(facts: Facts) -> str:
    """Texts that a program made."""
    if not facts["children"]:
        return "No text was made by a program of this project."
    made = table(facts["children"], operator="made by", texts="texts")
    return f"None of the documents here. For training, the project made these from some of them:\n\n{made}"


def models(facts: Facts) -> str:
    """Models that read it."""
    return table(facts["models"], run="model of this project", documents="documents that it was trained on")


def evaluations(facts: Facts) -> str:
    """Test sets that were looked for."""
    if not facts["evaluations"]:
        return "None was found: `clean.decontaminate` of params.yaml names those that were looked for."
    return table(facts["evaluations"], evaluation="evaluation set", overlapping="documents that overlap",
                 contaminated="of these, over its limit")  # fmt: skip
