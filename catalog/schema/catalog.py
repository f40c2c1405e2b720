"""The tables of the catalog stage: those of all stages, without one page of text."""

from __future__ import annotations

import pyarrow as pa

from catalog.schema.columns import CLUSTER, DROP_REASON, ID, INT, LONG, SPLIT, TASK, TEXT, column, table
from catalog.schema.labels import (
    AGREEMENT,
    ANNOTATIONS,
    ANNOTATORS,
    BALANCE,
    CHILDREN,
    CONFUSIONS,
    DRIFT,
    FUNCTIONS,
    LABELS,
    MISFITS,
    SPLIT_CHECKS,
    SPLIT_OVERLAPS,
    SPLITS,
    TASKS,
    VOTES,
)
from catalog.schema.texts import CAPTURES, CLUSTERS, CUTS, DOCUMENTS, OVERLAPS, QUARANTINE, SCORES, TEMPLATES, VERDICTS

STAGE = column("stage", TEXT, "stage that decided or wrote it")


def _some(source: pa.Schema, *names: str, null: bool | None = None) -> list[pa.Field]:
    """Columns of another table; `null` says whether they may be null here, None for as they are."""
    fields = [source.field(name) for name in names]
    return fields if null is None else [field.with_nullable(null) for field in fields]


# The tables of the stage `catalog`, without one page of text; `signals` is as in clean (stages/text/signals/table.py).
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
    "outcomes": table(
        ID,
        column("outcome", TEXT, "kept, dropped or quarantined, on its way into the corpus: by crawl, clean or dedup"),
        column("stage", TEXT, "stage that dropped or quarantined it; null = kept", null=True),
        column("reason", TEXT, "rule that it broke, or error; null = kept", null=True),
        CLUSTER.with_nullable(True),
        SPLIT.with_nullable(True),
    ),
    "quarantine": table(ID, STAGE, *_some(QUARANTINE, "uri", "error")),
    "overlaps": OVERLAPS,
    "clusters": CLUSTERS,  # column by column as in dedup: one file serves both stages
    "cuts": CUTS,
    "votes": VOTES,
    "misfits": MISFITS,
    "annotations": table(*(field for field in ANNOTATIONS if field.name != "text")),
    "labels": table(
        *_some(LABELS, "id", "task", "about", "cluster", "split", "label"),
        column("target_digest", TEXT, "sha256 of the text to produce, hex; null in classification tasks", null=True),
        *_some(LABELS, "method", "confidence", "votes", "drop_reason"),
    ),
    "splits": SPLITS,
    "split_overlaps": SPLIT_OVERLAPS,
    "split_checks": SPLIT_CHECKS,
    "agreement": AGREEMENT,
    "functions": FUNCTIONS,
    "annotators": ANNOTATORS,
    "confusions": CONFUSIONS,
    "tasks": TASKS,
    "balance": BALANCE,
    "drift": DRIFT,
    "children": table(*_some(CHILDREN, "id", "parent", "task", "operator", "seed", "text_digest", "label", "split")),
    "child_verdicts": VERDICTS,
    "tokens": table(ID, SPLIT, column("tokens", INT, "tokens of the document")),
    "metrics": table(
        column("run", TEXT, "run of finetune, system, `A - B` of two of them, or evaluate: the few told first"),
        column("metric", TEXT, "what was measured; *_deviation: sample deviation over seeds"),
        column("value", pa.float64(), "shares 0 to 1; of a system with seeds, the mean"),
        column("system", TEXT, "what the runs of several seeds have in common"),
        column("seed", INT, "seed of the run; null where it has none or several", null=True),
        column("slice", TEXT, "part of the test split: all, source:S, language:L, characters:A-B, contaminated:yes"),
        column("low", pa.float64(), "lower end of the 95 % interval", null=True),
        column("high", pa.float64(), "upper end of the 95 % interval", null=True),
        column("units", INT, "test texts (of pairs and questions, with their second text) that were measured"),
    ),
    "runs": table(
        column("run", TEXT, "run of finetune"),
        TASK,
        column("kind", TEXT, "kind of the task"),
        column("system", TEXT, "what the runs of several seeds have in common"),
        column("seed", INT, "of weights, order and dropout"),
        column("recipe", TEXT, "sha256 of parameters, network, code and libraries, without data, seed and system"),
        column("epochs", INT, "most epochs of fine-tuning"),
        column("pretraining_steps", INT, "steps of pretraining; 0 from random weights"),
        column("units", INT, "texts that were learned from, copies included"),
        column("training_set", TEXT, "sha256 of these texts and labels"),
        column("test_set", TEXT, "sha256 of the test texts and labels"),
        column("test_units", INT, "test texts"),
    ),
    "predictions": table(
        column("run", TEXT, "majority, tfidf, copied, or a run of finetune"),
        ID,
        *_some(LABELS, "about"),
        column("label", TEXT, "what is right, as in labels; in generation tasks its sha256, hex"),
        column("predicted", TEXT, "what was predicted, in the same form"),
        column("correct", pa.bool_(), "are both equal?"),
    ),
    "exposure": table(
        ID,
        STAGE,
        column("run", TEXT, "model whose training read the document"),
        column("times", INT, "epochs in which it was seen, up to those weights that were kept"),
    ),
    "models": table(
        STAGE,
        column("run", TEXT, "name of the trained model, as in exposure"),
        column("fingerprint", TEXT, "the action that trained it, as in segments"),
        column("data", TEXT, "version of what it was trained on: sha256 over the digests of all that it read"),
        column("settings", TEXT, "every parameter of its training by name, canonical JSON"),
        column("seed", LONG, "seed of its random choices", null=True),
        column("documents", LONG, "documents it was trained on; null where it keeps no list", null=True),
        column("tokens", LONG, "token positions it was to be trained on, all epochs together", null=True),
        column("epochs", LONG, "times it was to see each document; null where tokens say it", null=True),
        column("weights", LONG, "numbers in its files of weights"),
        column("bytes", LONG, "size of its files in bytes"),
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

VERSIONS = table(
    column("commit", TEXT, "commit that locked it first, all hex digits"),
    column("short", TEXT, "the same, as short as git writes it"),
    column("day", TEXT, "day of the commit, ISO 8601"),
    column("names", TEXT, "branches and tags that still have what it locked, parted by commas"),
    column("subject", TEXT, "first line of the commit's message"),
)
"""A table of the database: versions of the catalog that HEAD comes from, newest first, by git and not by a stage."""
