"""The rules of a source and language, as `gristmill explain` shows them."""

from __future__ import annotations

import pytest

from stages.text.rules.judging import JudgeParams
from stages.text.rules.rules_of import rules_of

PARAMS = JudgeParams(preset="short", presets={"books": "prose"}, overrides={"short.zh.few_words": 9})


@pytest.mark.parametrize(
    ("source", "language", "rule", "threshold"),
    [
        ("reviews", "zh", "short.zh.few_words", 9.0),
        ("reviews", "en", "short.default.few_words", 2.0),
        ("reviews", "und", "short.default.few_words", 2.0),
        ("books", "zh", "prose.zh.few_words", None),
    ],
)
def test_a_document_is_judged_by_the_preset_of_its_source_and_the_section_of_its_language(
    source: str, language: str, rule: str, threshold: float | None
) -> None:
    """With the thresholds that params.yaml sets instead."""
    found = {row["rule"]: row for row in rules_of(source, language, PARAMS)}
    assert found[rule]["signal"] == "words" and found[rule]["side"] == "at least"
    assert threshold in (None, found[rule]["threshold"])
    assert len({name.split(".")[0] for name in found}) == 1
