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
)

FETCHES = table(
    column("uri", TEXT, "address asked for"),
    column("source", TEXT, "name of the source in params.yaml"),
    column("crawl", TEXT, "digest of the source's settings; a change starts a new crawl"),
    column("fetched_at", TEXT, "UTC, ISO 8601"),
    column("status", INT, "HTTP status; null where no answer came", null=True),
    column("outcome", TEXT, "captured, unchanged, skipped:<why> or failed:<why>"),
    column("headers", pa.binary(), "the exact header bytes of the answer", null=True),
    column("etag", TEXT, "validator for the next conditional request", null=True),
    column("last_modified", TEXT, "validator for the next conditional request", null=True),
    column("body_digest", TEXT, "sha256 of the body, hex", null=True),
)

DOCUMENTS = table(
    ID,
    column("source", TEXT, "name of the source in params.yaml"),
    column("text", TEXT, "main text: Unicode NFC, repaired, redacted"),
    TEXT_DIGEST,
    column("language", TEXT, "ISO 639-1 code, `und` where undecided"),
    column("language_score", SHORT, "confidence of the language, per mille"),
    column("title", TEXT, "title of the document", null=True),
    column("extractor", TEXT, "plain, resiliparse or trafilatura"),
    column("charset", TEXT, "charset the bytes were decoded with"),
    column("repairs", INT, "characters changed by repair and normalisation"),
    column("redactions", INT, "e-mail, IP and phone numbers replaced by a token"),
)

CLUSTERS = table(
    ID,
    CLUSTER,
    column("representative", TEXT, "id of the document kept for the cluster"),
    column("similarity", SHORT, "Jaccard to the representative, per mille; null = is the representative", null=True),
    DROP_REASON,
)

VOTES = table(
    ID,
    TASK,
    column("annotator", TEXT, "given:<source>, rater-NN or function:<name>"),
    column("label", TEXT, "class voted for"),
    column("score", BYTE, "the rating behind the vote", null=True),
)

LABELS = table(
    ID,
    TASK,
    CLUSTER,
    SPLIT,
    column("label", TEXT, "consensus class; null in generation tasks and where dropped", null=True),
    column("target_text", TEXT, "text to produce; null in classification tasks", null=True),
    column("method", TEXT, "how the label was decided: given, majority, dawid_skene"),
    column("confidence", SHORT, "share or posterior of the label, per mille"),
    column("votes", INT, "votes counted"),
    DROP_REASON,
)

SPLITS = table(ID, CLUSTER, SPLIT)

AGREEMENT = table(
    TASK,
    column("scope", TEXT, "source the items come from, `all` for the task"),
    column("metric", TEXT, "krippendorff_alpha or percent_agreement"),
    column("value", INT, "per million"),
    column("items", INT, "documents with two votes or more"),
    column("annotators", INT, "annotators among them"),
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

SCHEMAS: dict[str, pa.Schema] = {
    "crawl/captures": CAPTURES,
    "crawl/fetches": FETCHES,
    "clean/text": DOCUMENTS,
    "dedup/verdicts": CLUSTERS,
    "label/votes": VOTES,
    "label/labels": LABELS,
    "label/splits": SPLITS,
    "label/agreement": AGREEMENT,
    "augment/children": CHILDREN,
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
