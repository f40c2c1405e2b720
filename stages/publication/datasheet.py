"""The datasheet of a corpus: the questions of Gebru et al. 2021 (Datasheets for Datasets), in brief."""

from __future__ import annotations

from stages.publication import words
from stages.publication.author import Author
from stages.publication.facts import Facts
from stages.publication.markdown import counted, escaped
from stages.publication.questionnaire import Question, Section, answered


def _composition(facts: Facts) -> str:
    return f"{words.sizes(facts)} One row is a document: a text with its address.\n\n{words.languages(facts)}"


def _missing(facts: Facts) -> str:
    total = facts.totals
    absent = {"title": "with_title", "author": "with_author", "date of publication": "with_date"}
    said = [f"{counted(total['documents'] - total[name], 'document')} have no {what}" for what, name in absent.items()]
    return f"{'; '.join(said)}. A document without a label has an empty list of labels."


def _relations(facts: Facts) -> str:
    return (
        "Documents that say nearly the same form a cluster, of which one is kept; a cluster stands in one split. "
        "`uri` names where a document comes from."
    )


def _splits(facts: Facts) -> str:
    return (
        "The split of a document is a hash of its near-duplicate cluster, so that nearly equal texts never part.\n\n"
        f"{words.splits(facts)}"
    )


def _errors(facts: Facts) -> str:
    unreadable = sum(row["quarantined"] for row in facts["funnel"])
    return (
        f"{counted(unreadable, 'document')} of the corpus could not be read and are not here. {words.dates(facts)} "
        "How far those who labelled agree stands beside the labels."
    )


def _self_contained(facts: Facts) -> str:
    return "The texts are in the files; nothing has to be fetched. `uri` may point to pages that change or vanish."


def _collection(facts: Facts) -> str:
    return f"{words.sources(facts)}\n\n{words.media(facts)}"


def _consent(facts: Facts) -> str:
    return f"Signals of sites on the use of their pages, as captured:\n\n{words.rights(facts)}"


def _revoke(facts: Facts) -> str:
    return "A document can be forgotten (`gristmill forget URI`): it leaves the next version and is refused afterwards."


def _cleaning(facts: Facts) -> str:
    repairs = counted(facts.totals["repairs"], "place")
    return f"{repairs} of the texts were repaired or normalised. {words.personal(facts)}\n\n{words.funnel(facts)}"


def _raw(facts: Facts) -> str:
    return "The captures are kept, byte for byte, in the project's crawl log and segments; they are not exported."


def _software(facts: Facts) -> str:
    return "Gristmill; its stages, parameters and the lock of its libraries stand in the project's repository."


def _format(facts: Facts) -> str:
    kinds = {"jsonl": "JSON, a row a line, compressed by gzip"}
    form = kinds.get(facts.record.form, "Parquet")
    return f"{counted(len(facts.record.files), 'file')} of {form}, listed with their sha256 in export.json."


def _terms(facts: Facts) -> str:
    return f"Each document keeps the licence of its source (`licence`).\n\n{words.licences(facts)}"


def _updates(facts: Facts) -> str:
    return f"A version is known by the digest of its catalog; this is {escaped(facts.record.catalog)}."


SECTIONS = (
    Section("Motivation", (
        Question("purpose", "For what purpose was it made?"),
        Question("creator", "Who made it, on behalf of whom?"),
        Question("funding", "Who paid for it?"),
    )),
    Section("Composition", (
        Question("instances", "What is an instance, and how many are there?", _composition),
        Question("sample", "Is it all there is, or a sample?", words.left_out, asks=True),
        Question("labels", "Is there a label or target?", words.labels),
        Question("missing", "What is missing from single instances?", _missing),
        Question("relations", "Are relations between instances explicit?", _relations),
        Question("splits", "Are there recommended splits?", _splits),
        Question("errors", "Are there errors, noise or redundancies?", _errors, asks=True),
        Question("self_contained", "Is it self-contained?", _self_contained),
        Question("confidential", "Could it hold what is confidential?"),
        Question("offensive", "Could it hold what offends, insults or frightens?"),
        Question("people", "Does it speak of people, and of which groups?"),
        Question("identifiable", "Can single people be recognised?", words.personal, asks=True),
        Question("sensitive", "Could it hold sensitive data of people (health, belief, origin, finance)?"),
    )),
    Section("Collection", (
        Question("gathered", "How was each instance acquired?", _collection),
        Question("sampling", "If it is a sample, how was it drawn?"),
        Question("collectors", "Who collected and labelled, and how were they paid?", words.annotators, asks=True),
        Question("time", "Over what time?", words.times),
        Question("ethics", "Was there an ethical review?"),
        Question("notified", "Were the people concerned told?"),
        Question("consent", "Did they, or those who hold rights, consent?", _consent, asks=True),
        Question("revoke", "Can consent be taken back?", _revoke),
        Question("impact", "Was the impact on the people concerned studied?"),
    )),
    Section("Preprocessing and labelling", (
        Question("cleaning", "What was cleaned, dropped or labelled?", _cleaning),
        Question("raw", "Was the raw data kept?", _raw),
        Question("software", "Is the software available?", _software),
    )),
    Section("Uses", (
        Question("used", "What was it used for already?", words.models, asks=True),
        Question("benchmarks", "Which evaluation sets was it searched for?", words.evaluations),
        Question("uses", "What else could it be used for?"),
        Question("risks", "What in its making could harm in later use?"),
        Question("not_for", "What should it not be used for?"),
    )),
    Section("Distribution", (
        Question("recipients", "Who receives it, and when?"),
        Question("format", "In what form?", _format),
        Question("terms", "Under which licence or terms?", _terms, asks=True),
        Question("export_controls", "Do export controls or other rules apply?"),
    )),
    Section("Maintenance", (
        Question("maintainer", "Who maintains it, and how can they be reached?"),
        Question("erratum", "Is there an erratum?"),
        Question("updates", "Will it be updated, and how is that made known?", _updates, asks=True),
        Question("retention", "Are there limits on how long data of people is kept?"),
        Question("older", "Are older versions supported?"),
        Question("contributions", "How can others contribute?"),
    )),
)  # fmt: skip


def datasheet(facts: Facts, author: Author) -> str:
    """The document."""
    head = (
        f"# Datasheet: {escaped(author.title)}",
        "The questions are those of *Datasheets for Datasets* (Gebru et al. 2021). Numbers are answers of the catalog; "
        "what only its author knows stands in the author's words, or is marked as missing.",
    )
    return "\n\n".join([*head, *answered(SECTIONS, facts, author)]) + "\n"
