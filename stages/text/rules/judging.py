"""Signals -> verdicts, by named presets of rules.

Reads   clean/text (id, source, what is known of its language), clean/signals, the rights of crawl/captures, the presets
        `stages/text/rules/presets/*.yaml`, the signals that params.yaml declares (stages/scores/flow.py), and
        clean/overlaps where evaluation sets are named.
Writes  clean/verdicts: for each document the first rule it breaks, in the order of the preset, or null when it is kept.

A preset names the languages it takes with the least score (per mille) of each, and one list of rules per language;
`default` stands for every language that is not named, and a list may be the name of the preset whose list for the
language it is: so the rules for a document follow its language, and those for English drop no Chinese. A rule drops a
document whose signal is below `at_least` or above `at_most`; its name is the drop reason. Before any rule come the
reasons `rights:<signal>` (the site refuses that it is trained on), `contaminated` (it holds an item of an evaluation
set; stages/text/contamination/overlaps.py), `empty` (no text is left), `language` (not taken) and `language_score`
(taken, but the score is too low). A rule on a signal that is not declared is left out, and drops nothing without value.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from catalog.schema import DOCUMENTS, OVERLAPS, SCORES, VERDICTS
from stages.text.signals.table import DECLARED, TABLE, Signal
from stages.web.refusals import refusing_signals

PRESETS = Path(__file__).parent / "presets"
DEFAULT = "default"
PROBABILITIES = ("quality", "educational", "toxicity")
# Columns of clean/text, per mille, that a rule may judge as it does a signal.
OF_TEXT = ("language_confidence", "mixed_language", "script_share")
SIGNALS = {signal.name: signal for signal in (*TABLE, *DECLARED)} | {
    name: Signal(name=name, count=name, unit=DOCUMENTS.field(name).metadata[b"unit"].decode(), source="own")
    for name in OF_TEXT
}


def _most(signal: str) -> int | None:
    """What a signal is at most, by its unit; None where there is no limit."""
    if signal in OF_TEXT:
        return 1000
    return 1 if signal.endswith(("_fraction", "_characters")) or signal in PROBABILITIES else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Drops a document for `name` when its signal is below `at_least` or above `at_most`; one of the two is given."""

    name: str
    signal: str
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError(f"rule `{self.name}` needs one of at_least and at_most")
        if self.signal not in SIGNALS:
            raise ValueError(f"rule `{self.name}`: no signal is called `{self.signal}`{_nearest(self.signal, SIGNALS)}")
        most = _most(self.signal)
        if self.threshold < 0 or (most is not None and self.threshold > most):
            limits = f"between 0 and {most}" if most else "at least 0"
            raise ValueError(f"rule `{self.name}` has the threshold {self.threshold}, {self.signal} is {limits}")

    @property
    def threshold(self) -> float:
        """The number that the signal is compared with."""
        return float(self.at_most if self.at_least is None else self.at_least)  # type: ignore[arg-type]

    def with_threshold(self, threshold: float) -> Rule:
        """The same rule at another threshold."""
        return replace(self, at_most=threshold) if self.at_least is None else replace(self, at_least=threshold)

    def broken_by(self, signals: pa.Table) -> pa.ChunkedArray:
        """True for each document that the rule drops."""
        values = signals[self.signal]
        # 0.3 as float32 is not 0.3: fractions are compared in the type in which they are stored.
        kind = values.type if pa.types.is_floating(values.type) else pa.float64()
        compare = pc.greater if self.at_least is None else pc.less
        return pc.fill_null(compare(values.cast(kind), pa.scalar(self.threshold, kind)), False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Languages with their least score (per mille), and the rules of each language."""

    name: str
    languages: Mapping[str, int]
    rules: Mapping[str, tuple[Rule, ...]]


@functools.cache
def preset_names() -> tuple[str, ...]:
    """Names of the presets there are, in order."""
    return tuple(sorted(path.stem for path in PRESETS.glob("*.yaml")))


@functools.cache
def load_preset(name: str) -> Preset:
    """The preset of that name. Errors: ValueError for an unknown name, or a file that is no preset."""
    if name not in preset_names():
        raise ValueError(f"unknown preset `{name}`{_nearest(name, preset_names())}")
    try:
        written = yaml.safe_load((PRESETS / f"{name}.yaml").read_text(encoding="utf-8"))
        rules = {language: _rules(language, rows) for language, rows in written["rules"].items()}
        preset = Preset(name=name, languages=dict(written["languages"]), rules=rules)
    except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"preset `{name}`: {error}") from None
    _check(preset)
    return preset


def _rules(language: str, rows: str | list[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """The rules for one language: written out, or those that another preset has for it."""
    return load_preset(rows).rules[language] if isinstance(rows, str) else tuple(_rule(row) for row in rows)


def _rule(row: Mapping[str, Any]) -> Rule:
    """One rule, as YAML writes it: `drop_reason: {signal: {at_least: threshold}}`."""
    ((name, body),) = row.items()
    ((signal, comparison),) = body.items()
    return Rule(name=name, signal=signal, **comparison)


def _check(preset: Preset) -> None:
    """Raise ValueError for names that occur twice, impossible scores, and thresholds that nothing can meet together."""
    for language, score in preset.languages.items():
        if not isinstance(score, int) or not 0 <= score <= 1000:
            raise ValueError(
                f"preset `{preset.name}`: the score of {language} is {score!r}, must be 0 to 1000 per mille"
            )
    for language, rules in preset.rules.items():
        where = f"preset `{preset.name}`, {language}"
        names = [rule.name for rule in rules]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{where}: the rule `{repeated[0]}` stands twice")
        for low in (rule for rule in rules if rule.at_least is not None):
            for high in (rule for rule in rules if rule.at_most is not None and rule.signal == low.signal):
                if low.threshold > high.threshold:
                    raise ValueError(
                        f"{where}: `{low.name}` wants {low.signal} at least {low.threshold} and "
                        f"`{high.name}` at most {high.threshold}; nothing would be kept"
                    )


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeParams:
    """Which preset judges which source, and thresholds that differ from it.

    `rights`: `respect` drops what its site refuses for training, from every split and for every model; `record` keeps
    the signals as evidence only.
    """

    rights: Literal["respect", "record"] = "respect"
    preset: str = "prose"
    presets: Mapping[str, str] = field(default_factory=dict)  # source -> preset
    overrides: Mapping[str, float] = field(default_factory=dict)  # preset.language.rule -> threshold

    def __post_init__(self) -> None:
        problems = []
        for name in sorted({self.preset, *self.presets.values()}):
            try:
                load_preset(name)
            except ValueError as error:
                problems.append(str(error))
        if not problems:
            problems = self._override_problems()
        if problems:
            raise ValueError("\n".join(problems))

    def used(self) -> dict[str, Preset]:
        """The presets in use, by name, with the overrides in place."""
        presets = {name: load_preset(name) for name in sorted({self.preset, *self.presets.values()})}
        for key, threshold in sorted(self.overrides.items()):
            name, language, rule_name = key.rsplit(".", 2)  # a name may hold a full stop: dolma-v1.6
            presets[name] = _overridden(presets[name], language, rule_name, threshold)
        return presets

    def _override_problems(self) -> list[str]:
        presets = {name: load_preset(name) for name in {self.preset, *self.presets.values()}}
        known = _rule_keys(presets)
        problems = [
            f"unknown rule `{key}` in overrides (preset.language.rule){_nearest(key, known)}"
            for key in sorted(self.overrides)
            if key not in known
        ]
        problems += [
            f"the override of `{key}` is {value!r}, must be a number"
            for key, value in sorted(self.overrides.items())
            if isinstance(value, bool) or not isinstance(value, int | float)
        ]
        if problems:
            return problems
        try:
            for preset in self.used().values():
                _check(preset)
        except ValueError as error:
            return [f"overrides: {error}"]
        return []


def _rule_keys(presets: Mapping[str, Preset]) -> list[str]:
    """`preset.language.rule` of every rule."""
    return [
        f"{preset.name}.{language}.{rule.name}"
        for preset in presets.values()
        for language, rules in preset.rules.items()
        for rule in rules
    ]


def _overridden(preset: Preset, language: str, rule_name: str, threshold: float) -> Preset:
    rules = tuple(rule.with_threshold(threshold) if rule.name == rule_name else rule for rule in preset.rules[language])
    return replace(preset, rules=MappingProxyType({**preset.rules, language: rules}))


def _nearest(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.3)
    return f"; did you mean `{near[0]}`?" if near else f"; known: {', '.join(sorted(known))}"


def judge(
    text: pa.Table, signals: pa.Table, captures: pa.Table | None = None, *given: pa.Table, params: JudgeParams
) -> dict[str, pa.Table]:
    """The table `verdicts`: one row per document, in order. Errors: ValueError for tables of different documents.

    `captures` (id, rights) holds all of the documents and perhaps more; None = no site was asked for its rights.
    `given` are the declared signals, one table of SCORES for each, and OVERLAPS where evaluation sets are named.
    """
    if not text["id"].equals(signals["id"]):
        raise ValueError("clean/text and clean/signals hold different documents; run `dvc repro --force clean`")
    for name in OF_TEXT:
        signals = signals.append_column(name, text[name])
    for rows in (table for table in given if table.column_names == SCORES.names):
        for name in rows["signal"].unique().to_pylist():
            found = rows.filter(pc.equal(rows["signal"], name)).combine_chunks()
            signals = signals.append_column(name, found["value"].take(pc.index_in(signals["id"], found["id"])))
    presets = presets_of(text["source"], params)
    respected = captures if params.rights == "respect" else None
    reasons = _filled(_refused(text, respected), _contaminated(text, given), "contaminated")
    reasons = _filled(reasons, pc.equal(signals["characters"], 0), "empty")
    for name, preset in params.used().items():
        reasons = _judged(reasons, pc.equal(presets, name), preset, text, signals)
    return {"verdicts": pa.Table.from_arrays([text["id"], reasons], schema=VERDICTS)}


def _refused(text: pa.Table, captures: pa.Table | None) -> Any:
    """`rights:<signal>` for each document whose site refuses that it is trained on, else null."""
    if captures is None:
        return pa.nulls(len(text), pa.string())
    at = pc.index_in(text["id"], value_set=captures["id"].combine_chunks())
    return pc.binary_join_element_wise("rights", refusing_signals(captures).take(at), ":")


def _contaminated(text: pa.Table, given: tuple[pa.Table, ...]) -> Any:
    overlaps = pa.concat_tables([OVERLAPS.empty_table(), *(one for one in given if one.column_names == OVERLAPS.names)])
    return pc.is_in(text["id"], value_set=overlaps.filter(overlaps["contaminated"])["id"].combine_chunks())


def presets_of(sources: pa.ChunkedArray, params: JudgeParams) -> Any:
    """The name of the preset that judges each document."""
    named = pa.array(list(params.presets.keys()), pa.string())
    presets = pa.array(list(params.presets.values()), pa.string())
    return pc.fill_null(pc.take(presets, pc.index_in(sources, value_set=named)), params.preset)


def _judged(reasons: Any, chosen: Any, preset: Preset, text: pa.Table, signals: pa.Table) -> Any:
    """The reasons after one preset has judged the documents chosen for it."""
    taken = pa.scalar(False)
    for language in preset.languages:
        spoken = in_section(text["language"], language, preset.languages)
        low = pc.and_(spoken, pc.less(text["language_score"], preset.languages[language]))
        reasons = _filled(reasons, pc.and_(chosen, low), "language_score")
        taken = pc.or_(taken, spoken)
    reasons = _filled(reasons, pc.and_(chosen, pc.invert(taken)), "language")
    for language, rules in preset.rules.items():
        concerned = pc.and_(chosen, in_section(text["language"], language, preset.rules))
        for rule in (rule for rule in rules if rule.signal in signals.column_names):
            reasons = _filled(reasons, pc.and_(concerned, rule.broken_by(signals)), rule.name)
    return reasons


def in_section(languages: pa.ChunkedArray, section: str, sections: Mapping[str, Any]) -> Any:
    """True for each document whose language has this section; `default` has those that no other section names."""
    if section != DEFAULT:
        return pc.equal(languages, section)
    named = [name for name in sections if name != DEFAULT]
    return pc.invert(pc.is_in(languages, value_set=pa.array(named, pa.string())))


def _filled(reasons: Any, broken: Any, name: str) -> Any:
    """`reasons` with `name` where a rule is broken and no earlier one was."""
    return pc.if_else(pc.and_(pc.is_null(reasons), broken), name, reasons)
