"""The tables of label and augment: votes, answers of people, labels, how far they can be trusted, and copies."""

from __future__ import annotations

import pyarrow as pa

from catalog.schema.columns import (
    ABOUT,
    BYTE,
    CLUSTER,
    DROP_REASON,
    ID,
    INT,
    LONG,
    SHORT,
    SPLIT,
    TASK,
    TEXT,
    TEXT_DIGEST,
    column,
    table,
)

VOTES = table(
    ID,
    TASK,
    column("annotator", TEXT, "person:<name>, given:<source>, rater-NN or function:<name>"),
    ABOUT,
    column("label", TEXT, "class voted for, target text, or canonical JSON as in annotations"),
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
    ABOUT,
    column("guideline", TEXT, "version of the guideline that the answer follows: sha256 of the file, hex"),
    column("annotator", TEXT, "who answered, by the name or number that the tool has for people"),
    column("status", TEXT, "answered or skipped"),
    column(
        "value",
        TEXT,
        "canonical JSON by kind of task: the class; the classes, sorted; [[start, stop, class], ...] in characters of "
        "the text; {spans, relations: [[span from, span to, class], ...]}; [start, stop] of the answer, [] for none; "
        "or the target text; null where skipped",
        null=True,
    ),
    column("created_at", TEXT, "when the answer was given or last changed, UTC, ISO 8601"),
    column("origin", TEXT, "sha256 of the file that it was imported from, hex"),
)

MISFITS = table(
    ID,
    TASK,
    column("annotator", TEXT, "given:<source>"),
    ABOUT,
    column("label", TEXT, "as the source writes it"),
    column("reason", TEXT, "why it is no vote"),
)

LABELS = table(
    ID,
    TASK,
    ABOUT,
    CLUSTER,
    SPLIT,
    column(
        "label",
        TEXT,
        "consensus: a class, or canonical JSON as in annotations; null in generation tasks and where dropped",
        null=True,
    ),
    column("target_text", TEXT, "text to produce; null in classification tasks", null=True),
    column("method", TEXT, "how the label was decided: given, majority, dawid_skene, label_model, none"),
    column("confidence", SHORT, "share or posterior of the label, per mille"),
    column("votes", INT, "votes counted"),
    DROP_REASON,
)

SPLITS = table(ID, CLUSTER, SPLIT)

SPLIT_OVERLAPS = table(
    ID,
    TASK,
    SPLIT,
    column("side", TEXT, "what is compared: text, or target in generation tasks"),
    column("measure", TEXT, "exact (equal), near (Jaccard of the shingles 0.8 or more) or 13-gram (one in common)"),
    column("other_split", TEXT, "split of the document whose text it repeats"),
    column("other", TEXT, "that document; of several the most similar"),
    column("similarity", SHORT, "exact 1000, near the Jaccard, 13-gram the share of its 13-grams, per mille"),
)

SPLIT_CHECKS = table(
    TASK,
    column("measure", TEXT, "as in split_overlaps"),
    SPLIT,
    column("other_split", TEXT, "split that it is held against"),
    column("found", INT, "texts of the split that repeat something of the other"),
    column("left", INT, "of these, labels that stand on both sides: 0 for the measures of label.disjoint"),
)

AGREEMENT = table(
    TASK,
    column("scope", TEXT, "source the items come from, `all` for the task"),
    column(
        "metric",
        TEXT,
        "krippendorff_alpha_nominal, krippendorff_alpha_interval, fleiss_kappa (of documents with the most common "
        "number of votes), cohen_kappa (mean over pairs of annotators), krippendorff_alpha_masi (of sets of classes), "
        "span_f1, relation_f1 (mean over pairs of annotators) or percent_agreement",
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
    column("f1", INT, "F1 of two annotators' relations or spans, mean over pairs, per million", null=True),
    column("min_f1", INT, "the F1 that the task asks for, per million", null=True),
    column(
        "imbalance", INT, "largest difference of a class's share in a split from that in all, millionths", null=True
    ),
    column("balance_tolerance", INT, "the difference that the task allows, per million", null=True),
    column("fit", pa.bool_(), "is it fit for training? no, where it misses what the task asks for"),
    column("unfit", TEXT, "why it is not fit, and what to do; null where it is", null=True),
)

BALANCE = table(
    TASK,
    column("class", TEXT, "class; answered or unanswerable in tasks of questions"),
    SPLIT.with_metadata({"unit": "train, validation or test; `all` for all of them"}),
    column("units", INT, "units with a label of this class"),
    column("share", INT, "these / units with a label in the split, per million"),
)

DRIFT = table(
    TASK,
    column("annotator", TEXT, "person:<name>"),
    column("month", TEXT, "calendar month in which the answers were given, UTC, yyyy-mm"),
    column("documents", INT, "answers that stand today; of pairs and questions, one for each second text"),
    column("checked", INT, "of these, with one gold label"),
    column("correct", INT, "checked answers that are the gold label"),
    column("compared", INT, "answers on what has a label by two votes or more"),
    column("agreed", INT, "compared answers that are this label"),
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
