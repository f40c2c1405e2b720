"""The declared signals as operators, and how they follow each other; a signal that is not declared has no action.

Reads   clean/text, crawl/captures (uri), and the files that `clean` of params.yaml pins.
Writes  rows of SCORES in clean/perplexity, clean/bucket, clean/quality, clean/educational, clean/toxicity,
        clean/flagged, clean/domains and clean/importance, and the models and lists they are measured by
        (stages/scores/perplexity.py, classifier.py, flagged.py, domains.py, importance.py).
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
from collections.abc import Iterator

from catalog.errors import ParameterError
from catalog.incremental.operators import Memo, Operator
from catalog.incremental.stage import Stage
from catalog.schema import SCORES
from catalog.segments import Segment, for_each
from stages.scores import classifier, domains, flagged, importance, perplexity
from stages.scores.params import (
    CLASSIFIERS,
    BucketParams,
    CausalParams,
    DeclaredParams,
    ImportanceParams,
    NgramParams,
    PinnedFile,
)

BY_ROW = Memo(by=("id", "text_digest", "language"))

SELECT = Operator(
    name="reference", run=perplexity.select, params=NgramParams, writes={"reference": perplexity.REFERENCE},
    libraries=("numpy",), memo=Memo(by=("id", "source", "text_digest", "language")),
)  # fmt: skip
LEARN = Operator(
    name="ngrams", run=perplexity.learn, params=NgramParams, writes={"ngrams": perplexity.NGRAMS}, libraries=("numpy",)
)
PERPLEX = Operator(
    name="perplexity", run=perplexity.perplex, params=NgramParams, writes={"perplexity": SCORES}, libraries=("numpy",)
)
KENLM = Operator(
    name="kenlm", run="stages.scores.kenlm_model:perplex", params=PinnedFile, writes={"perplexity": SCORES},
    libraries=("kenlm",), memo=BY_ROW,
)  # fmt: skip
CAUSAL = Operator(
    name="causal", run="stages.scores.causal:perplex", params=CausalParams, writes={"perplexity": SCORES},
    libraries=("tokenizers", "torch", "transformers"), memo=BY_ROW,
)  # fmt: skip
CUT = Operator(name="cutoffs", run=perplexity.cut, params=BucketParams, writes={"cutoffs": perplexity.CUTOFFS})
BUCKET = Operator(
    name="bucket", run=perplexity.bucket, reads=(None, ("id", "language"), None), writes={"bucket": SCORES}
)
READ = {
    name: Operator(
        name=f"classifier_{name}", run=classifier.read_model, writes={f"classifier_{name}": classifier.MODEL}
    )
    for name in CLASSIFIERS
}
CLASSIFY = {
    name: Operator(name=name, run=getattr(classifier, name), writes={name: SCORES}, libraries=("numpy",))
    for name in CLASSIFIERS
}


CHOOSE = Operator(
    name="importance_reference", run=importance.choose, params=ImportanceParams,
    writes={"importance_reference": importance.CHOSEN}, libraries=("numpy",),
    memo=Memo(by=("id", "source", "text_digest", "language")),
)  # fmt: skip
COMPARE = Operator(
    name="importance_weights", run=importance.compare, params=ImportanceParams,
    writes={"importance_weights": importance.WEIGHTS}, libraries=("numpy",),
)  # fmt: skip
WEIGH = Operator(name="importance", run=importance.weigh, writes={"importance": SCORES}, libraries=("numpy",))
READ_PHRASES = Operator(name="flagged_words", run=flagged.read_phrases, writes={"flagged_words": flagged.PHRASES})
FLAG = Operator(
    name="flagged", run=flagged.flagged, reads=(("id", "text", "language"), None), writes={"flagged": SCORES}
)
READ_DOMAINS = Operator(name="domain_list", run=domains.read_domains, writes={"domain_list": domains.DOMAINS})
CATEGORISE = Operator(
    name="domains", run=domains.categorise, reads=(("id",), ("id", "uri"), None), writes={"domains": SCORES}
)


def declared(stage: Stage, texts: list[Segment], captures: list[Segment]) -> list[list[Segment]]:
    """The segments of SCORES of each declared signal, each list with the keys of `texts`."""
    params: DeclaredParams = stage.params[DeclaredParams]
    found = _perplexity(stage, texts, params) if params.perplexity else []
    for name in CLASSIFIERS:
        if model := params.pinned(name):
            inputs = {f"classifier_{name}": model.sha256}
            (read,) = stage.act(READ[name], name, inputs, (name, model.path, model.sha256))[f"classifier_{name}"]
            found.append(stage.map(CLASSIFY[name], texts, for_each(read, texts))[name])
    return [*found, *_listed(stage, texts, captures, params), *_importance(stage, texts, params)]


def _listed(
    stage: Stage, texts: list[Segment], captures: list[Segment], params: DeclaredParams
) -> Iterator[list[Segment]]:
    """What lists of words and of domains find."""
    if lists := params.lists():
        files = {language: dataclasses.asdict(file) for language, file in lists.items()}
        inputs = {language: file.sha256 for language, file in lists.items()}
        (read,) = stage.act(READ_PHRASES, "flagged_words", inputs, (files,))["flagged_words"]
        yield stage.map(FLAG, texts, for_each(read, texts))["flagged"]
    if listed := params.pinned("domains"):
        inputs = {"domains": listed.sha256}
        (read,) = stage.act(READ_DOMAINS, "domains", inputs, (listed.path, listed.sha256))["domain_list"]
        yield stage.map(CATEGORISE, texts, captures, for_each(read, texts))["domains"]


def _importance(stage: Stage, texts: list[Segment], params: DeclaredParams) -> Iterator[list[Segment]]:
    """The ratio of two likelihoods, where it is declared."""
    if weighing := params.weighing():
        chosen = stage.map(CHOOSE, texts, params=weighing)["importance_reference"]
        (weights,) = stage.reduce(COMPARE, [part for part in chosen if part.rows], params=weighing)[
            "importance_weights"
        ]
        yield stage.map(WEIGH, texts, for_each(weights, texts))["importance"]


def _perplexity(stage: Stage, texts: list[Segment], params: DeclaredParams) -> list[list[Segment]]:
    """Perplexities by the model that is declared, and their buckets."""
    model = params.model()
    if isinstance(model, NgramParams):
        chosen = stage.map(SELECT, texts, params=model)["reference"]
        (ngrams,) = stage.reduce(LEARN, [part for part in chosen if part.rows], params=model)["ngrams"]
        scores = stage.map(PERPLEX, texts, for_each(ngrams, texts), params=model)["perplexity"]
    else:
        if isinstance(model, PinnedFile):
            _need_kenlm()
        scores = stage.map(KENLM if isinstance(model, PinnedFile) else CAUSAL, texts, params=model)["perplexity"]
    (cutoffs,) = stage.reduce(CUT, scores, texts, params=params.buckets())["cutoffs"]
    return [scores, stage.map(BUCKET, scores, texts, for_each(cutoffs, scores))["bucket"]]


def _need_kenlm() -> None:
    try:
        importlib.metadata.version("kenlm")
    except importlib.metadata.PackageNotFoundError:
        raise ParameterError("clean.perplexity.kenlm needs a package; run `pip install 'gristmill[kenlm]'`") from None
