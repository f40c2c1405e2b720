"""The public summary of training content, in the structure of the European Commission's template.

Source  Template for the Public Summary of Training Content, AI Act (Regulation (EU) 2024/1689), article 53(1)(d),
        published 24 July 2025.
It is about what models were trained on, whether or not that may be passed on: the documents that a model of the
project has read, or those of the training split where none is built. What only the provider knows is marked.
"""

from __future__ import annotations

from stages.publication import words
from stages.publication.author import Author
from stages.publication.facts import Facts
from stages.publication.markdown import counted, escaped, table
from stages.publication.questionnaire import Question, Section, answered

RANGES = ((10**9, "less than 1 billion tokens"), (10**13, "1 billion to 10 trillion tokens"))
"""Upper ends of the template's ranges for text, in tokens."""


def size_range(tokens: int) -> str:
    """The template's range for a number of tokens."""
    return next((name for upper, name in RANGES if tokens < upper), "more than 10 trillion tokens")


def _about(facts: Facts) -> str:
    if facts["models"]:
        return f"It is about all documents that these models of the project have read:\n\n{words.models(facts)}"
    return "No model is built yet: it is about the documents of the training split."


def _modalities(facts: Facts) -> str:
    return (
        f"Text only: {size_range(facts.totals['tokens'])}. {words.sizes(facts)}\n\n"
        "Image: none. Audio: none. Video: none."
    )


def _of_kind(facts: Facts, *kinds: str) -> str:
    rows = [row for row in facts["sources"] if row["gathered"] in kinds]
    return table(rows, source="source", where_from="from", licence="licence", documents="documents",
                 characters="characters")  # fmt: skip


def _public(facts: Facts) -> str:
    return _of_kind(facts, "published data set", "web archive")


def _private(facts: Facts) -> str:
    return f"Files that the project reads from its own disk:\n\n{_of_kind(facts, 'files')}"


def _crawled(facts: Facts) -> str:
    return f"{_of_kind(facts, 'crawled')}\n\n{words.crawl_days(facts)}"


def _crawler(facts: Facts) -> str:
    return (
        "Gristmill's own crawler obeys robots.txt (RFC 9309) and waits between two requests to a host as it asks. "
        "It answers no login and no payment, unless the project gives it a key of its own."
    )


def _domains(facts: Facts) -> str:
    if not facts.domains:
        return "None was crawled."
    said = table(facts.top_domains, domain="domain", documents="documents", characters="characters")
    return f"The largest tenth of {counted(len(facts.domains), 'domain')}, by characters of text:\n\n{said}"


def _types(facts: Facts) -> str:
    return f"{words.media(facts)}\n\n{words.labels(facts)}"


def _reservations(facts: Facts) -> str:
    return (
        "Signals are read at capture and kept as evidence: robots.txt by crawler and by usage, ai.txt, TDMRep, "
        "X-Robots-Tag, robots meta tags, Content-Usage, Content-Signal and licence links. What one refuses is not "
        f"trained on, unless `clean.rights` says otherwise.\n\n{words.rights(facts)}"
    )


def _illegal(facts: Facts) -> str:
    return f"{words.personal(facts)}\n\n{words.funnel(facts)}"


SECTIONS = (
    Section("1. General information", (
        Question("eu_provider", "1.1 Provider: name and contact; authorised representative"),
        Question("eu_model", "1.2 Model: versioned names, models it builds on, date of placing on the Union market"),
        Question("eu_modalities", "1.3 Modalities and size of the training data", _modalities),
        Question("eu_types", "1.3 Types of content", _types, asks=True),
        Question("eu_latest", "1.3 Latest date of acquisition", words.times),
        Question("eu_languages", "1.3 Linguistic characteristics", words.languages),
    )),
    Section("2. List of data sources", (
        Question("eu_public", "2.1 Publicly available datasets", _public),
        Question("eu_licensed", "2.2.1 Datasets commercially licensed from rightsholders"),
        Question("eu_private", "2.2.2 Private datasets obtained from other third parties", _private, asks=True),
        Question("eu_crawled", "2.3 Data crawled and scraped from online sources, and when", _crawled),
        Question("eu_crawler", "2.3 Crawlers, their names and behaviour", _crawler, asks=True),
        Question("eu_domains", "2.3 Most relevant domain names", _domains),
        Question("eu_users", "2.4 User data"),
        Question("eu_synthetic", "2.5 Synthetic data, and the models that made it", words.synthetic, asks=True),
        Question("eu_other", "2.6 Other sources of data"),
    )),
    Section("3. Data processing", (
        Question("eu_reservations", "3.1 Respect of reservations of rights", _reservations, asks=True),
        Question("eu_illegal", "3.2 Removal of illegal content", _illegal, asks=True),
        Question("eu_processing", "3.3 Other information"),
    )),
)  # fmt: skip


def training_content(facts: Facts, author: Author) -> str:
    """The document."""
    head = (
        f"# Public summary of training content: {escaped(author.title)}",
        "In the structure of the European Commission's template for article 53(1)(d) of Regulation (EU) 2024/1689. "
        f"Data version {escaped(facts.record.catalog[:12])}. {_about(facts)}",
    )
    return "\n\n".join([*head, *answered(SECTIONS, facts, author)]) + "\n"
