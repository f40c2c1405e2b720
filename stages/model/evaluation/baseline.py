"""The yardsticks: what can be said without a network, on the same test units. No torch here.

Reads   finetune/units; for the leaky score crawl/captures.
Writes  rows of evaluate/predictions and evaluate/leaky.

majority  the commonest label (classes)
tfidf     TF-IDF of characters with logistic regression (classes; of a set, each class by itself)
lookup    every stretch that was a span in training is one, with its commonest class, the longest first (spans)
copied    the text itself (generation)
nothing   that the text gives no answer (questions), or that no two spans are related (relations)

The leaky score is what this task scores when done carelessly: every review of the sources as it was crawled, duplicates
and contradicting labels included, split at random. Most of its test texts stand in its training rows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from catalog.digests import canonical_json
from catalog.errors import InputError
from catalog.segments import Segment
from stages.labels.splits import TEST, TRAIN
from stages.model.evaluation.baseline_params import BaselineParams, LeakyParams, YardsticksParams
from stages.model.evaluation.predictions import prediction_rows
from stages.model.finetuning.units import Unit, read_units
from stages.model.training.randomness import document_keys, stream, uniform

CLASSES = ("classification", "pairs", "multilabel")


def baselines(units: list[Segment], params: YardsticksParams) -> Iterator[tuple[str, str, pa.Table]]:
    """Yield ("predictions", "all", rows) of each yardstick that the kind of the task has."""
    train, test = read_units(units, TRAIN), read_units(units, TEST)
    if not train or not test:
        raise InputError(f"the task has {len(train)} training and {len(test)} test texts; label more of them")
    if params.kind in CLASSES:
        yield "predictions", "all", prediction_rows("majority", test, [majority(train)] * len(test))
        yield "predictions", "all", prediction_rows("tfidf", test, by_tfidf(train, test, params))
    if params.kind == "spans":
        yield "predictions", "all", prediction_rows("lookup", test, looked_up(train, test))
    if params.kind in ("questions", "relations"):
        yield "predictions", "all", prediction_rows("nothing", test, [nothing(unit, params.kind) for unit in test])
    if params.kind == "generation":
        yield "predictions", "all", prediction_rows("copied", test, [unit.text for unit in test], produced=True)


def majority(train: Sequence[Unit]) -> str:
    """The commonest label, of equally common ones the first."""
    return min(Counter(unit.label for unit in train).items(), key=lambda pair: (-pair[1], pair[0]))[0]


def by_tfidf(train: Sequence[Unit], test: Sequence[Unit], params: YardsticksParams) -> list[str]:
    """The label of each test unit; of pairs, both texts are one."""
    seen, asked = (
        [f"{unit.text}\n{unit.about}" if unit.about else unit.text for unit in part] for part in (train, test)
    )
    labels = [unit.label for unit in train]
    if params.kind != "multilabel":
        return classified(seen, labels, asked, params.baseline)
    sets = [set(json.loads(label)) for label in labels]
    applies = {}
    for name in sorted(set().union(*sets)):
        flags = [str(name in one) for one in sets]
        always = len(set(flags)) == 1
        applies[name] = ["True"] * len(asked) if always else classified(seen, flags, asked, params.baseline)
    return [
        canonical_json([name for name, said in applies.items() if said[place] == "True"]) for place in range(len(asked))
    ]


def nothing(unit: Unit, kind: str) -> str:
    """No answer; or the spans of a label without relations."""
    return "[]" if kind == "questions" else canonical_json(json.loads(unit.label) | {"relations": []})


def looked_up(train: Sequence[Unit], test: Sequence[Unit]) -> list[str]:
    """The spans of each test unit whose words were a span in training."""
    classes: dict[str, Counter[str]] = {}
    for unit in train:
        for start, stop, name in json.loads(unit.label):
            classes.setdefault(unit.text[start:stop], Counter())[name] += 1
    best = {words: min(found, key=lambda name: (-found[name], name)) for words, found in classes.items()}
    longest = max(map(len, best), default=0)
    return [canonical_json(_known_spans(unit.text, best, longest)) for unit in test]


def _known_spans(text: str, classes: dict[str, str], longest: int) -> list[list[int | str]]:
    found: list[list[int | str]] = []
    place = 0
    while place < len(text):
        sizes = range(min(longest, len(text) - place), 0, -1)
        size = next((size for size in sizes if text[place : place + size] in classes), 0)
        if size:
            found.append([place, place + size, classes[text[place : place + size]]])
        place += size or 1
    return found


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
