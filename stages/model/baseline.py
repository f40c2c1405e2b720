"""The yardsticks: the majority class, and TF-IDF of characters with logistic regression. No torch here.

Reads   label/labels, clean/text; for the leaky score crawl/captures.
Writes  rows of evaluate/predictions and evaluate/leaky.

The leaky score is what this task scores when done carelessly: every review of the sources as it was crawled, duplicates
and contradicting labels included, split at random. Most of its test texts stand in its training rows.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from catalog.errors import InputError
from catalog.segments import Segment
from stages.labels.splits import TEST, TRAIN
from stages.model.baseline_params import BaselineParams, LeakyParams
from stages.model.labelled import labelled_rows, prediction_rows
from stages.model.randomness import document_keys, stream, uniform


def baselines(
    tokens: list[Segment], labels: list[Segment], texts: list[Segment], params: BaselineParams
) -> Iterator[tuple[str, str, pa.Table]]:
    """Predictions of `majority` and `tfidf` for the test documents that every system sees."""
    rows = labelled_rows(labels, params.task, tokens)
    rows = rows.append_column("text", _texts_of(rows["id"], texts))
    train = rows.filter(pc.equal(rows["split"], TRAIN))
    test = rows.filter(pc.equal(rows["split"], TEST))
    if not train.num_rows or not test.num_rows:
        raise InputError(f"the task {params.task} has {train.num_rows} training and {test.num_rows} test documents")
    labels_seen = train["label"].to_pylist()
    majority = min(Counter(labels_seen).items(), key=lambda pair: (-pair[1], pair[0]))[0]
    yield "predictions", "all", prediction_rows("majority", test, [majority] * test.num_rows)
    found = classified(train["text"].to_pylist(), labels_seen, test["text"].to_pylist(), params)
    yield "predictions", "all", prediction_rows("tfidf", test, found)


def classified(train: list[str], labels: list[str], test: list[str], params: BaselineParams) -> list[str]:
    """The class that TF-IDF and logistic regression predict for each text of `test`."""
    vectorizer, model = _fitted(train, labels, params)
    return [str(label) for label in model.predict(vectorizer.transform(test))]


def shares(
    train: list[str], labels: list[str], test: list[str], params: BaselineParams
) -> tuple[list[str], NDArray[np.float64]]:
    """The classes, and P(class) of each text of `test` by the same: shape (texts, classes)."""
    vectorizer, model = _fitted(train, labels, params)
    return [str(label) for label in model.classes_], model.predict_proba(vectorizer.transform(test))


def _fitted(train: list[str], labels: list[str], params: BaselineParams) -> tuple[TfidfVectorizer, LogisticRegression]:
    vectorizer = TfidfVectorizer(
        analyzer="char", ngram_range=(1, params.longest_run), min_df=params.min_documents, sublinear_tf=True
    )
    seen = vectorizer.fit_transform(train)
    return vectorizer, LogisticRegression(C=params.inverse_penalty, max_iter=1000, random_state=0).fit(seen, labels)


def leaky(captures: list[Segment], params: LeakyParams) -> Iterator[tuple[str, str, pa.Table]]:
    """Yield ("leaky", "all", a row for each raw row held out): label, prediction, and is its text in train?"""
    rows = pa.concat_tables([raw_rows(segment, params.sources) for segment in captures])
    if not rows.num_rows:
        raise InputError(f"no captured row of {params.sources} has a given label; see `evaluate.leaky_sources`")
    held_out = uniform(stream(document_keys(rows["id"].to_pylist()), params.seed)) < params.held_out
    train, test = rows.filter(pa.array(~held_out)), rows.filter(pa.array(held_out))
    texts = test["text"].to_pylist()
    found = classified(train["text"].to_pylist(), train["label"].to_pylist(), texts, params.baseline)
    known = set(train["text"].to_pylist())
    yield (
        "leaky",
        "all",
        test.select(["id", "label"])
        .append_column("predicted", pa.array(found))
        .append_column("in_train", pa.array([text in known for text in texts])),
    )


_RAW = pa.schema([("id", pa.string()), ("label", pa.string()), ("text", pa.string())])


def raw_rows(captures: Segment, sources: list[str]) -> pa.Table:
    """id, label and text of the captured rows of `sources` that have a given label, bodies read as UTF-8."""
    rows = captures.read(["id", "source", "given_label"])
    wanted = pc.and_(pc.is_in(rows["source"], value_set=pa.array(sources)), pc.is_valid(rows["given_label"]))
    if not pc.any(wanted).as_py():
        return _RAW.empty_table()
    bodies = captures.read(["body"]).filter(wanted)["body"].to_pylist()
    rows = rows.filter(wanted)
    texts = [body.decode("utf-8", errors="replace").strip() for body in bodies]
    return pa.table({"id": rows["id"], "label": rows["given_label"], "text": pa.array(texts, pa.string())})


def _texts_of(ids: pa.ChunkedArray, texts: list[Segment]) -> pa.Array:
    """The cleaned text of each id."""
    found: dict[str, str] = {}
    wanted = pa.array(ids.to_pylist(), pa.string())
    for segment in texts:
        rows = segment.read(["id", "text"])
        rows = rows.filter(pc.is_in(rows["id"], value_set=wanted))
        found.update(zip(rows["id"].to_pylist(), rows["text"].to_pylist(), strict=True))
    return pa.array([found[name] for name in wanted.to_pylist()], pa.string())
