"""The public summary of training content, in the structure of the European Commission's template.

Source  Template for the Public Summary of Training Content, AI Act (Regulation (EU) 2024/1689), article 53(1)(d),
        published 24 July 2025.
It is about what models were trained on, whether or not that may be passed on: the documents that a model of the
project has read, or those of the training split where none is built. What only the provider knows is marked.
"""

from __future__ import annotations

from typing import Any

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
    tokens, types = facts.totals["tokens"], sorted({row["mime"] for row in facts["media"]})
    text = {"modality": "Text", "size": f"{size_range(tokens)} ({tokens:,})", "types": ", ".join(types) or "none"}
    rows = [text, *({"modality": name, "size": "none", "types": "none"} for name in ("Image", "Audio", "Video"))]
    said = table(rows, modality="Modality", size="Training data size", types="Types of content")
    return f"{said}\n\n{words.sizes(facts)}"


def _types(facts: Facts) -> str:
    return f"{words.media(facts)}\n\n{words.labels(facts)}"


def _of_kind(facts: Facts, *kinds: str) -> list[dict[str, Any]]:
    return [row for row in facts["sources"] if row["gathered"] in kinds]


def _listed(rows: list[dict[str, Any]]) -> str:
    return table(rows, source="source", where_from="from", licence="licence", documents="documents",
                 characters="characters")  # fmt: skip


def _yes(used: object) -> str:
    return "Yes. Modality: text." if used else "No."


def _published(facts: Facts) -> list[dict[str, Any]]:
    return _of_kind(facts, "published data set", "web archive")


def _private(facts: Facts) -> str:
    rows = _of_kind(facts, "files")
    return f"Files that the project reads from its own disk:\n\n{_listed(rows)}" if rows else "No file is read."


def _crawled(facts: Facts) -> list[dict[str, Any]]:
    return _of_kind(facts, "crawled")


def _behaviour(facts: Facts) -> str:
    return (
        "Gristmill's own crawler obeys robots.txt (RFC 9309) and waits between two requests to a host as it asks. "
        "It answers no login and no payment, unless the project gives it a key of its own."
    )


def _domains(facts: Facts) -> str:
    said = table(facts.top_domains, domain="domain", documents="documents", characters="characters")
    all_of_them = counted(len(facts.domains), "domain")
    return f"The largest tenth of {all_of_them}, crawled or in a web archive, by characters of text:\n\n{said}"


def _reservations(facts: Facts) -> str:
    return (
        "Signals are read at capture and kept as evidence: robots.txt by crawler and by usage, ai.txt, TDMRep, "
        "X-Robots-Tag, robots meta tags, Content-Usage, Content-Signal and licence links. What one refuses is not "
        f"trained on, unless `clean.rights` says otherwise.\n\n{words.rights(facts)}"
    )


def _illegal(facts: Facts) -> str:
    return f"{words.personal(facts)}\n\n{words.funnel(facts)}"


def _optional(key: str, text: str = "Additional comments (optional)") -> Question:
    return Question(key, text, applies=lambda _: False)


VERSION = Section("", (
    Question("eu_version", "Version of the Summary", lambda facts: f"Data version {facts.record.catalog[:12]}."),
    Question("eu_updated", "Last update"),
))  # fmt: skip
GENERAL = Section("1. General information", below=(
    Section("1.1. Provider identification", (
        Question("eu_provider", "Provider name and contact details"),
        Question("eu_representative", "Authorised representative name and contact details"),
    )),
    Section("1.2. Model identification", (
        Question("eu_model", "Versioned model name(s)"),
        Question("eu_dependencies", "Model dependencies"),
        Question("eu_market", "Date of placement of the model on the Union market"),
    )),
    Section("1.3. Modalities, overall training data size and other characteristics", (
        Question("eu_modalities", "Modality, training data size, types of content", _modalities),
        Question("eu_types", "Types of content, in detail", _types, asks=True),
        Question("eu_latest", "Latest date of data acquisition/collection for model training", words.times),
        Question("eu_languages", "Description of the linguistic characteristics of the overall training data",
                 words.languages),
        Question("eu_characteristics", "Other relevant characteristics of the overall training data"),
        _optional("eu_general_comments"),
    )),
))  # fmt: skip
SOURCES = Section("2. List of data sources", below=(
    Section("2.1. Publicly available datasets", (
        Question("eu_public", "Have you used publicly available datasets to train the model?",
                 lambda facts: _yes(_published(facts))),
        Question("eu_public_listed", "List of large publicly available datasets; all are listed, whatever their size",
                 lambda facts: _listed(_published(facts)), applies=_published),
        _optional("eu_public_comments"),
    )),
    Section("2.2. Private non-publicly available datasets obtained from third parties", below=(
        Section("2.2.1. Datasets commercially licensed by rightsholders or their representatives", (
            Question("eu_licensed", "Have you concluded transactional commercial licensing agreement(s) with "
                     "rightsholder(s) or with their representatives? Of which modalities?"),
        )),
        Section("2.2.2. Private datasets obtained from other third parties", (
            Question("eu_private", "Have you obtained private datasets from third parties that are not licensed as "
                     "described in Section 2.2.1? Which, and of which modalities?", _private, asks=True),
            _optional("eu_private_comments"),
        )),
    )),
    Section("2.3. Data crawled and scraped from online sources", (
        Question("eu_crawled", "Were crawlers used by the provider or on its behalf?",
                 lambda facts: _yes(_crawled(facts))),
        Question("eu_crawler_names", "Crawler name(s)/identifier(s), and purposes of the crawler(s)", applies=_crawled),
        Question("eu_crawler", "General description of crawler behaviour", _behaviour, asks=True,
                 applies=_crawled),
        Question("eu_period", "Period of data collection", words.crawl_days, applies=_crawled),
        Question("eu_crawled_types", "Description of the type of content and online sources crawled",
                 lambda facts: _listed(_crawled(facts)), asks=True, applies=_crawled),
        Question("eu_domains", "Summary of the most relevant domain names crawled", _domains,
                 applies=lambda facts: facts.domains),
        _optional("eu_crawled_comments"),
    )),
    Section("2.4. User data", (
        Question("eu_users", "Was data from user interactions with the AI model (e.g. user input and prompts) used to "
                 "train the model?"),
        Question("eu_services", "Was data collected from user interactions with the provider's other services or "
                 "products used to train the model? Which, and of which modalities?"),
        _optional("eu_user_comments"),
    )),
    Section("2.5. Synthetic data", (
        Question("eu_synthetic", "Was synthetic AI-generated data created by the provider or on its behalf to train "
                 "the model? By which models?", words.synthetic, asks=True),
        _optional("eu_synthetic_comments"),
    )),
    Section("2.6. Other sources of data", (
        Question("eu_other", "Have data sources other than those described in Sections 2.1 to 2.5 been used to train "
                 "the model?"),
        _optional("eu_other_comments"),
    )),
))  # fmt: skip
PROCESSING = Section("3. Data processing aspects", below=(
    Section("3.1. Respect of reservation of rights from text and data mining exception or limitation", (
        Question("eu_signatory", "Are you a Signatory to the Code of Practice for general-purpose AI models?"),
        Question("eu_reservations", "Measures implemented before model training to respect reservations of rights",
                 _reservations, asks=True),
        _optional("eu_reservations_comments"),
    )),
    Section("3.2. Removal of illegal content", (
        Question("eu_illegal", "General description of measures taken", _illegal, asks=True),
    )),
    Section("3.3. Other information (optional)", (
        _optional("eu_processing", "Other relevant information about data processing (optional)"),
    )),
))  # fmt: skip
SECTIONS = (VERSION, GENERAL, SOURCES, PROCESSING)


def training_content(facts: Facts, author: Author) -> str:
    """The document."""
    head = (
        f"# Public summary of training content: {escaped(author.title)}",
        "By the European Commission's template for article 53(1)(d) of Regulation (EU) 2024/1689 (AI Act). "
        f"{_about(facts)}",
    )
    return "\n\n".join([*head, *answered(SECTIONS, facts, author)]) + "\n"
