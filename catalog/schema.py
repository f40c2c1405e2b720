"""Every table and column once: name, Arrow type, whether it may be null, and what it means with its unit.

The description of a column is in its field metadata under `unit`; docs/schema.md is generated from here.
Parquet files carry these types and no metadata. A table is named `<stage>/<table>`.
"""

from __future__ import annotations

import pyarrow as pa

# The stages in the order of dvc.yaml, each with the stage whose kept documents it must account for, one by one.
STAGES: dict[str, str | None] = {
    "crawl": None, "clean": "crawl", "dedup": "clean", "label": "dedup", "augment": None,
    "tokenize": "dedup", "pretrain": None, "finetune": None, "evaluate": None, "catalog": None,
}  # fmt: skip


def column(name: str, kind: pa.DataType, unit: str, *, null: bool = False) -> pa.Field:
    """One column; `unit` says what a value means and in which unit."""
    return pa.field(name, kind, nullable=null, metadata={"unit": unit})


def table(*columns: pa.Field) -> pa.Schema:
    """One table; a column name may stand in it once."""
    names = [field.name for field in columns]
    if len(set(names)) != len(names):
        raise ValueError(f"a column stands twice in {names}")
    return pa.schema(columns)


TEXT, INT, LONG, SHORT, BYTE = pa.string(), pa.int32(), pa.int64(), pa.int16(), pa.int8()

ID = column("id", TEXT, "document: first 32 hex digits of sha256 of its uri")
DROP_REASON = column("drop_reason", TEXT, "first rule that dropped the document; null = kept", null=True)
TEXT_DIGEST = column("text_digest", TEXT, "sha256 of the UTF-8 text, hex")
CLUSTER = column("cluster", TEXT, "near-duplicate cluster: smallest text digest in it, hex")
SPLIT = column("split", TEXT, "train, validation or test; a function of the cluster")
TASK = column("task", TEXT, "name of the labelling task in params.yaml")

RIGHT = pa.struct([pa.field(name, TEXT, nullable=False) for name in ("signal", "value", "where")])

VERDICTS = table(ID, DROP_REASON)
QUARANTINE = table(
    ID, column("uri", TEXT, "where the row came from"), column("error", TEXT, "why it could not be processed")
)

CAPTURES = table(
    ID,
    column("uri", TEXT, "canonical address: URL, pypi:package==version/member#row or file:path#row"),
    column("source", TEXT, "name of the source in params.yaml"),
    column("licence", TEXT, "licence stated for the source"),
    column("status", INT, "HTTP status; null where nothing was asked over HTTP", null=True),
    column("mime", TEXT, "media type of the body"),
    column("charset", TEXT, "charset as declared by server or file", null=True),
    column("body_digest", TEXT, "sha256 of the body, hex"),
    column("body", pa.binary(), "the exact bytes"),
    column("title", TEXT, "title given by the source", null=True),
    column("author", TEXT, "author given by the source", null=True),
    column("published_at", TEXT, "time of publication as the source wrote it", null=True),
    column("given_label", TEXT, "label given by the source, as written", null=True),
    column("target_text", TEXT, "text that a generation task should produce", null=True),
    column("ratings", pa.list_(BYTE), "one score per annotator, by position", null=True),
    column("meta", TEXT, "other fields of the source, canonical JSON", null=True),
    column(
        "rights",
        pa.list_(RIGHT),
        "what the site said of the use of the page: kind of signal, value, and where (robots.txt, header, meta, link, "
        "record of an interface, or a path); the time stands in the fetches of the crawl log; null in captures from "
        "before signals were read",
        null=True,
    ),
)

FETCHES = table(
    column("uri", TEXT, "address asked for"),
    column("source", TEXT, "name of the source in params.yaml"),
    column("crawl", TEXT, "digest of the source's settings; a change starts a new crawl"),
    column("fetched_at", TEXT, "UTC, ISO 8601"),
    column("status", INT, "HTTP status; null where no answer came", null=True),
    column("outcome", TEXT, "captured, unchanged, skipped:<why> or failed:<why>"),
    column("headers", pa.binary(), "the header bytes of the answer, without cookies and credentials", null=True),
    column("etag", TEXT, "validator for the next conditional request", null=True),
    column("last_modified", TEXT, "validator for the next conditional request", null=True),
    column("body_digest", TEXT, "sha256 of the body, hex", null=True),
    column("run", TEXT, "when the crawl that asked began, UTC; it keeps it over interruptions", null=True),
    column("depth", INT, "links from a seed, a sitemap or a feed to the page", null=True),
    column("chain", pa.list_(TEXT), "URLs whose redirects led here, first to last", null=True),
    column("location", TEXT, "where a redirect leads", null=True),
    column("revisit", TEXT, "how a page was found unchanged: not-modified (304) or same-digest", null=True),
    column("previous_digest", TEXT, "body digest of the version that this one replaces, hex", null=True),
    column("rights", pa.list_(RIGHT), "what was said of the use of the page at that time, as in captures", null=True),
)

WARC_RECORDS = table(
    column("file", TEXT, "the web archive that holds the record: its address"),
    column("offset", LONG, "where the record begins in its file, in bytes (ARC: of what was unpacked)"),
    column("type", TEXT, "WARC-Type; `end` where the file breaks off"),
    column("document", TEXT, "id of the document that it may be; null where it is none by its type", null=True),
    column("date", TEXT, "WARC-Date, as written", null=True),
    column("payload", TEXT, "WARC-Payload-Digest, as written", null=True),
    column("refers_to", TEXT, "id of the document whose record a revisit names", null=True),
    column("refers_date", TEXT, "WARC-Date of the record that a revisit names", null=True),
    column("refusal", TEXT, "why it is no document, by its headers; or why the file breaks off", null=True),
)

DOCUMENTS = table(
    ID,
    column("source", TEXT, "name of the source in params.yaml"),
    column("text", TEXT, "main text: Unicode NFC, repaired, redacted"),
    TEXT_DIGEST,
    column("language", TEXT, "ISO 639-1 code, `und` where undecided"),
    column("language_score", SHORT, "the model's score of the language, or the share of its script, per mille"),
    column("language_confidence", SHORT, "probability that the language is right, by calibration, per mille"),
    column("script", TEXT, "script with most of the letters, ISO 15924; `Hrkt` is kana, `Zyyy` none or another"),
    column("script_share", SHORT, "its share of the letters, per mille"),
    column("mixed_language", SHORT, "characters in paragraphs of another language / in those asked, per mille"),
    column("title", TEXT, "title given by the source, else by the document", null=True),
    column("author", TEXT, "author given by the source, else by the document; several parted by commas", null=True),
    column(
        "published",
        TEXT,
        "date of publication, of the source or the document, ISO 8601; times with offset UTC",
        null=True,
    ),
    column(
        "canonical", TEXT, "URL by which a page asks to be known, resolved, without secrets and tracking", null=True
    ),
    column("language_hint", TEXT, "language that the document says it is in, RFC 5646 (zh-Hans-CN)", null=True),
    column("extractor", TEXT, "what read it: plain, resiliparse, trafilatura, or a format (pdf, docx, ...)"),
    column("extraction", TEXT, "library, version and options that read it; null where none did", null=True),
    column("charset", TEXT, "charset the bytes were decoded with; `unicode` where the format leaves no choice"),
    column("repairs", INT, "places changed by repair and normalisation, of all kinds"),
    column(
        "repaired",
        pa.list_(pa.struct([pa.field("kind", TEXT, nullable=False), pa.field("count", INT, nullable=False)])),
        "kinds of these that there were, each with its count: lines rewritten (mojibake, width, composition, chinese: "
        "Traditional or Simplified), characters removed (control, zero_width, bidi, tag), runs of white_space made "
        "plain, words joined (hyphenation), and lines removed (template)",
    ),
    column("redactions", INT, "values of personal data and secrets replaced by a token"),
    column(
        "redacted",
        pa.list_(pa.struct([pa.field("start", INT, nullable=False), pa.field("kind", TEXT, nullable=False)])),
        "where each token stands in the text: its first character from 0, and its kind",
    ),
)

DECLARED = ("perplexity", "bucket", "quality", "educational", "toxicity")  # tables of clean, if params.yaml says so

SCORES = table(
    ID,
    column("signal", TEXT, "signal that `clean` of params.yaml declares: perplexity, perplexity_bucket, quality, ..."),
    column("value", pa.float32(), "its value; a document without one has no row"),
)

TEMPLATES = table(
    column("host", TEXT, "host of the pages"),
    column("line", TEXT, "line that was removed from every page of the host, in normal form, redacted"),
    column("pages", INT, "pages of the host with the line; pages of one text count once"),
    column("share", SHORT, "these / pages of the host, per mille"),
)

OVERLAPS = table(
    ID,
    column("evaluation", TEXT, "name of the evaluation set in params.yaml"),
    column("item", INT, "row of the set's file of which the document has the largest share, from 0"),
    column("share", SHORT, "n-grams of the item that the document has / n-grams of the item, per mille"),
    column("position", INT, "word (character of an unspaced script) of the document at which the first begins, from 0"),
    column("contaminated", pa.bool_(), "the share reaches what the set's rule allows"),
)

CLUSTERS = table(
    ID,
    CLUSTER,
    column("representative", TEXT, "id of the document kept for the cluster, unless a level after it drops that one"),
    column(
        "similarity",
        SHORT,
        "Jaccard to the representative, per mille, measured as dedup.verify says; null = is the representative",
        null=True,
    ),
    column(
        "copies",
        INT,
        "times that training should see the document, by how many it stands for (dedup.rehydrate); null where dropped",
        null=True,
    ),
    DROP_REASON,
)

CUTS = table(
    ID,
    column("start", INT, "first character of the span in the text, from 0"),
    column("stop", INT, "character after its last"),
    column("level", TEXT, "what found it: semantic (all of the text), paragraphs or substrings"),
    column("of", TEXT, "id of the document that keeps what stands there"),
    column(
        "similarity", SHORT, "cosine of the embeddings, per mille; null where the same words stand there", null=True
    ),
    column("effect", TEXT, "record: none, remove: no model is trained on it, drop: the document is dropped for it"),
)

VOTES = table(
    ID,
    TASK,
    column("annotator", TEXT, "person:<name>, given:<source>, rater-NN or function:<name>"),
    column("label", TEXT, "class voted for, target text, or spans as in annotations"),
    column("score", BYTE, "the rating behind the vote", null=True),
    column(
        "carried_from",
        TEXT,
        "digest of the text that the person saw, where the document says something else since; null = this very text",
        null=True,
    ),
)

ANNOTATIONS = table(
    ID,
    TASK,
    TEXT_DIGEST,
    column("text", TEXT, "the text as the person saw it"),
    column("guideline", TEXT, "version of the guideline that the answer follows: sha256 of the file, hex"),
    column("annotator", TEXT, "who answered, by the name or number that the tool has for people"),
    column("status", TEXT, "answered or skipped"),
    column(
        "value",
        TEXT,
        "canonical JSON: the class, [[start, stop, class], ...] in characters of the text, or the target text; null "
        "where skipped",
        null=True,
    ),
    column("created_at", TEXT, "when the answer was given or last changed, UTC, ISO 8601"),
    column("origin", TEXT, "sha256 of the file that it was imported from, hex"),
)

LABELS = table(
    ID,
    TASK,
    CLUSTER,
    SPLIT,
    column("label", TEXT, "consensus class; null in generation tasks and where dropped", null=True),
    column("target_text", TEXT, "text to produce; null in classification tasks", null=True),
    column("method", TEXT, "how the label was decided: given, majority, dawid_skene, label_model, none"),
    column("confidence", SHORT, "share or posterior of the label, per mille"),
    column("votes", INT, "votes counted"),
    DROP_REASON,
)

SPLITS = table(ID, CLUSTER, SPLIT)

AGREEMENT = table(
    TASK,
    column("scope", TEXT, "source the items come from, `all` for the task"),
    column(
        "metric",
        TEXT,
        "krippendorff_alpha_nominal, krippendorff_alpha_interval, fleiss_kappa (of documents with the most common "
        "number of votes), cohen_kappa (mean over pairs of annotators) or percent_agreement",
    ),
    column("value", INT, "per million"),
    column("items", INT, "documents with two votes or more"),
    column("annotators", INT, "annotators among them"),
)

ANNOTATORS = table(
    TASK,
    column("annotator", TEXT, "as in votes"),
    column("documents", INT, "documents voted on"),
    column("checked", INT, "of these, documents with one gold label"),
    column("correct", INT, "checked documents on which the vote is the gold label"),
    column(
        "accuracy", INT, "P(says the truth) by Dawid-Skene, per million; null where a task has one annotator", null=True
    ),
)

CONFUSIONS = table(
    TASK,
    column("annotator", TEXT, "as in votes"),
    column("truth", TEXT, "class that is right"),
    column("said", TEXT, "class voted for"),
    column("share", INT, "P(said | truth) of the annotator, estimated by Dawid-Skene, per million"),
)

TASKS = table(
    TASK,
    column("kind", TEXT, "kind of the task in params.yaml"),
    column("labelled", INT, "kept documents with a label"),
    column("unlabelled", INT, "kept documents that were voted on and have none; labels say why"),
    column("alpha", INT, "Krippendorff's alpha of the task, on scores where there are any, per million", null=True),
    column("min_alpha", INT, "the alpha that the task asks for, per million", null=True),
    column("fit", pa.bool_(), "is it fit for training? no, where alpha is below what the task asks for or not known"),
)

FUNCTIONS = table(
    TASK,
    column("function", TEXT, "name of the labelling function"),
    column("documents", INT, "kept documents it was shown"),
    column("covered", INT, "documents on which it voted"),
    column("overlaps", INT, "of these, documents on which another function voted too"),
    column("conflicts", INT, "of these, documents on which another function voted for another label"),
    column("checked", INT, "covered documents whose label is known from people or the source"),
    column("correct", INT, "checked documents on which it voted for that label"),
)

CHILDREN = table(
    ID,
    column("parent", TEXT, "id of the document it was made from"),
    TASK,
    column("operator", TEXT, "how it was made"),
    column("seed", LONG, "seed of the random choices"),
    column("text", TEXT, "the augmented text"),
    TEXT_DIGEST,
    column("label", TEXT, "label inherited from the parent"),
    SPLIT,
)

STAGE = column("stage", TEXT, "stage that decided or wrote it")
RUN = column("run", TEXT, "what was measured: the path above the number in evaluate's metrics, joined by /")


def _some(source: pa.Schema, *names: str, null: bool | None = None) -> list[pa.Field]:
    """Columns of another table; `null` says whether they may be null here, None for as they are."""
    fields = [source.field(name) for name in names]
    return fields if null is None else [field.with_nullable(null) for field in fields]


# The tables of the stage `catalog`, without one page of text; `signals` is as in clean (stages/text/signals.py).
CATALOG: dict[str, pa.Schema] = {
    "documents": table(
        *_some(CAPTURES, "id", "uri", "source", "licence", "status", "mime", "charset"),
        *_some(DOCUMENTS, "title", "author", "published", "canonical", "language_hint"),
        *_some(CAPTURES, "published_at", "given_label", "body_digest"),
        column("body_bytes", LONG, "size of the body in bytes"),
        *_some(DOCUMENTS, "text_digest", "language", "language_score", "language_confidence", null=True),
        *_some(DOCUMENTS, "script", "script_share", "mixed_language", null=True),
        *_some(DOCUMENTS, "extractor", "extraction", "repairs", "repaired", "redactions", null=True),
        column("characters", INT, "characters of the text; null, as all about it, where quarantined", null=True),
    ),
    "rights": table(
        ID,
        column("signal", TEXT, "kind: robots, ai-txt, x-robots-tag, tdm-reservation, content-usage, licence, ..."),
        column("value", TEXT, "what it says, as read from the place"),
        column("place", TEXT, "where it stands: robots.txt, header, meta, link or a path"),
        column("refuses", pa.bool_(), "does it refuse that the document is trained on?"),
    ),
    "declared_signals": SCORES,
    "templates": TEMPLATES,
    "verdicts": table(ID, STAGE, DROP_REASON),
    "quarantine": table(ID, STAGE, *_some(QUARANTINE, "uri", "error")),
    "overlaps": OVERLAPS,
    "clusters": CLUSTERS,  # column by column as in dedup: one file serves both stages
    "cuts": CUTS,
    "votes": VOTES,
    "annotations": table(*(field for field in ANNOTATIONS if field.name != "text")),
    "labels": table(
        *_some(LABELS, "id", "task", "cluster", "split", "label"),
        column("target_digest", TEXT, "sha256 of the text to produce, hex; null in classification tasks", null=True),
        *_some(LABELS, "method", "confidence", "votes", "drop_reason"),
    ),
    "splits": SPLITS,
    "agreement": AGREEMENT,
    "functions": FUNCTIONS,
    "annotators": ANNOTATORS,
    "confusions": CONFUSIONS,
    "tasks": TASKS,
    "children": table(*_some(CHILDREN, "id", "parent", "task", "operator", "seed", "text_digest", "label", "split")),
    "child_verdicts": VERDICTS,
    "tokens": table(ID, SPLIT, column("tokens", INT, "tokens of the document")),
    "metrics": table(
        RUN, column("metric", TEXT, "name of the number"), column("value", pa.float64(), "as evaluate wrote it")
    ),
    "predictions": table(
        column("run", TEXT, "majority, tfidf, or scratch or pretrained with its seed"),
        ID,
        column("label", TEXT, "the right class"),
        column("predicted", TEXT, "class predicted"),
        column("correct", pa.bool_(), "is predicted the right class?"),
    ),
    "exposure": table(
        ID,
        STAGE,
        column("run", TEXT, "model whose training read the document"),
    ),
    "segments": table(
        STAGE,
        column("table_name", TEXT, "table of the stage, or name of a build"),
        column("key", TEXT, "the root segment it derives from; equal across the tables of one chain"),
        column("path", TEXT, "file, relative to the project"),
        column("rows", LONG, "rows; 0 for files that are not tables"),
        column("bytes", LONG, "size of the file in bytes"),
        column("sha256", TEXT, "digest of the bytes"),
        column("logical", TEXT, "digest of the rows, whatever the bytes"),
        column("operator", TEXT, "what made it"),
        column("action", TEXT, "name of the action: a source, a build, or the key"),
        column("fingerprint", TEXT, "sha256 of all that decided the result"),
    ),
    "lineage": table(
        column("fingerprint", TEXT, "action, as in segments"),
        column("input", TEXT, "what it read: stage/table, or the name of an outer input"),
        column("key", TEXT, "key of the segment read; null where the input is no list of segments", null=True),
        column("logical", TEXT, "digest of the rows read, as in segments"),
    ),
    "stages": table(
        STAGE,
        column("position", INT, "place in dvc.yaml, from 0"),
        column("upstream", TEXT, "stage whose kept documents it accounts for, one by one", null=True),
    ),
    "columns": table(
        column("table_name", TEXT, "table of the catalog"),
        column("column_name", TEXT, "column of the table"),
        column("type", TEXT, "Arrow type"),
        column("nullable", pa.bool_(), "may it be null?"),
        column("unit", TEXT, "what a value means and in which unit"),
    ),
}  # fmt: skip

SCHEMAS: dict[str, pa.Schema] = {
    "crawl/captures": CAPTURES,
    "crawl/fetches": FETCHES,
    "crawl/warc_records": WARC_RECORDS,
    "clean/text": DOCUMENTS,
    "clean/templates": TEMPLATES,
    **{f"clean/{name}": SCORES for name in DECLARED},
    "clean/overlaps": OVERLAPS,
    "dedup/verdicts": CLUSTERS,
    "dedup/cuts": CUTS,
    "label/votes": VOTES,
    "label/annotations": ANNOTATIONS,
    "label/labels": LABELS,
    "label/splits": SPLITS,
    "label/agreement": AGREEMENT,
    "label/functions": FUNCTIONS,
    "label/annotators": ANNOTATORS,
    "label/confusions": CONFUSIONS,
    "label/tasks": TASKS,
    "augment/children": CHILDREN,
    **{f"catalog/{name}": kind for name, kind in CATALOG.items()},
}


def schema_of(name: str) -> pa.Schema:
    """Schema of a table `<stage>/<table>`; every stage has `verdicts` and `quarantine`."""
    if name in SCHEMAS:
        return SCHEMAS[name]
    return {"verdicts": VERDICTS, "quarantine": QUARANTINE}[name.split("/")[1]]


def describe(schema: pa.Schema) -> list[tuple[str, str, str]]:
    """(column, type, meaning) of each column; `?` after the type of a column that may be null."""
    return [
        (field.name, f"{field.type}{'?' if field.nullable else ''}", (field.metadata or {}).get(b"unit", b"").decode())
        for field in schema
    ]
