"""Rules: verdicts by preset, per language and source; golden cases of Gopher, C4 and FineWeb; wrong parameters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa
import pytest

from catalog.schema import VERDICTS
from stages.text.rules import judging as rules
from stages.text.rules.judging import OF_TEXT, JudgeParams, Rule, judge, load_preset, preset_names
from stages.text.signals.measuring import measure
from tests.stages.prose import CHINESE, ENGLISH

NONE: Mapping[str, float] = MappingProxyType({})


def certain(count: int) -> dict[str, pa.Array]:
    """What is known of the language of texts that are in one language, and one script."""
    return {name: pa.array([1000 * (name != "mixed_language")] * count, pa.int16()) for name in OF_TEXT}


def verdicts(
    texts: list[str], languages: list[str], params: JudgeParams, sources: list[str] | None = None
) -> list[str | None]:
    """The drop reason of each text, null for kept."""
    ids = [str(i) for i in range(len(texts))]
    documents = pa.table({
        "id": ids, "text": texts, "source": sources or ["web"] * len(texts), "language": languages,
        "language_score": pa.array([900] * len(texts), pa.int16()), **certain(len(texts)),
    })  # fmt: skip
    table = judge(documents, measure(documents)["signals"], params=params)["verdicts"]
    assert table.schema.equals(VERDICTS)
    return table["drop_reason"].to_pylist()


def reason(text: str, preset: str, overrides: Mapping[str, float] = NONE, language: str = "en") -> str | None:
    """The verdict on one text; overrides are thresholds of the default section."""
    keys = {f"{preset}.default.{rule}": threshold for rule, threshold in overrides.items()}
    return verdicts([text], [language], JudgeParams(preset=preset, overrides=keys))[0]


CHINESE_ONLY = ("fineweb2-cmn_Hani", "datajuicer-zh")
NEWS = (
    "本报讯（记者王小明）昨天上午，市图书馆新馆正式向读者开放。新馆共有六层，藏书一百二十万册，设有阅览座位两千个。"
    "馆长李华介绍说：“我们希望每一位市民都能在这里找到自己喜欢的书。”据了解，新馆每天从早上九点开到晚上九点，周一闭馆。\n"
    "在三楼的儿童阅览区，记者看到许多家长正陪着孩子读书。五岁的小雨说，她最喜欢的是那本关于大海的图画书。她的母亲告诉记者，"
    "以前去图书馆要坐一个小时的车，现在走路十分钟就到了，周末一定会常来。\n"
    "图书馆还将在下个月举办系列讲座，邀请作家、学者和读者交流。有兴趣的市民可以通过电话或者网站报名，名额有限，报满为止。"
)


@pytest.mark.parametrize("preset", [name for name in preset_names() if name not in CHINESE_ONLY])
def test_good_english_is_kept(preset: str) -> None:
    """A paragraph of English passes every preset that takes English (C4 counts its sentences)."""
    assert reason(ENGLISH + " It is late.", preset) is None


@pytest.mark.parametrize("preset", [name for name in preset_names() if name != "ccnet"])
@pytest.mark.parametrize("text", [CHINESE, NEWS])
def test_chinese_prose_is_kept(preset: str, text: str) -> None:
    """No preset drops Chinese prose: each document is judged by the rules for its language."""
    assert reason(text, preset, language="zh") is None


@pytest.mark.parametrize("preset", ["gopher", "fineweb-en", "refinedweb-dclm", "dolma-v1.6", "redpajama2", "prose"])
def test_english_rules_would_drop_chinese(preset: str) -> None:
    """The rules for English would drop the same Chinese text: this is why a preset has a section per language."""
    assert reason(CHINESE, preset) is not None


def test_a_section_may_be_that_of_another_preset() -> None:
    """The English presets have FineWeb 2's rules for Chinese, which are written down once."""
    assert load_preset("fineweb-en").rules["zh"] == load_preset("fineweb2-cmn_Hani").rules["zh"]


def test_a_name_with_a_full_stop_can_be_overridden() -> None:
    """`dolma-v1.6.default.few_words` is the rule of the preset `dolma-v1.6`."""
    assert reason("Too short.", "dolma-v1.6") == "few_words"
    assert reason(ENGLISH, "dolma-v1.6", {"few_words": 10_000}) == "few_words"


@pytest.mark.parametrize(
    ("preset", "text", "dropped_by"),
    [
        ("c4-datatrove", "One two three four. " * 4, "few_sentences"),
        ("c4-tfds", "One two three four. " * 4, None),
        ("c4-tfds", "One two three four.\n" * 4, "few_sentences"),
        ("ccnet", "Short but true.", "few_characters"),
        ("redpajama2", "I am he. " * 20, "short_words"),
        ("datajuicer-en", "- " * 60 + "word " * 20, "few_alphanumeric"),
        ("datajuicer-zh", "好。", "few_characters"),
    ],
)
def test_presets_that_name_their_implementation(preset: str, text: str, dropped_by: str | None) -> None:
    """Two codes of one name differ where their presets say so."""
    assert reason(text, preset, language="zh" if preset.endswith("zh") else "en") == dropped_by


# Inputs and verdicts are facts about the published rules, as datatrove's tests state them; the words are ours.
@pytest.mark.parametrize(
    ("text", "overrides", "dropped_by"),
    [
        ("I am too small...", {"few_words": 10}, "few_words"),
        ("I am " * 20, {"few_words": 10}, "short_words"),
        ("interconnection " * 20, {"few_words": 10}, "long_words"),
        ("# comment " * 20, {"few_words": 10}, "hashes"),
        ("... comment " * 20, {"few_words": 10}, "ellipses"),
        ("the ./!*?<> apple <?//> orange  ++ connection !<>?? have" * 20, {"few_words": 10}, "words_without_letters"),
        ("interesting picture " * 10, {"few_words": 10}, "few_stop_words"),
        ("• that which we have\n" * 20, {"few_words": 10}, "bullet_lines"),
        ("that which we have to do ...\n" * 20, {"few_words": 10, "ellipses": 1}, "ellipsis_lines"),
    ],
)  # fmt: skip
def test_gopher_quality(text: str, overrides: dict[str, float], dropped_by: str) -> None:
    """Each Gopher quality rule is the first to drop the text made for it."""
    assert reason(text, "gopher", overrides) == dropped_by


LOOSE = {"few_words": 0, "short_words": 0, "few_stop_words": 0, "words_without_letters": 0}


@pytest.mark.parametrize(
    ("text", "dropped_by"),
    [
        ("I am your father.\n" * 4, "duplicate_lines"),
        ("I am your father.\n\n" * 4, "duplicate_paragraphs"),
        ("I am groot.\n\nYou are a wizard.\n\nI am he.\n\n" + f"{'x' * 30}.\n\n" * 2, "duplicate_paragraph_characters"),
        ("I am groot.\nYou are a wizard.\nI am your father.\n" + f"{'x' * 40}.\n" * 2, "duplicate_line_characters"),
        ("I am Frank, I am Frank, I am Frank", "top_2gram"),
        ("I am a solo traveller " * 4 + ENGLISH[:230], "duplicate_5gram"),
    ],
)  # fmt: skip
def test_gopher_repetition(text: str, dropped_by: str) -> None:
    """Each kind of repetition has its own reason."""
    overrides = LOOSE | ({"long_words": 100} if "xxx" in text else {})
    overrides |= {"top_2gram": 1, "top_3gram": 1, "top_4gram": 1} if dropped_by == "duplicate_5gram" else {}
    assert reason(text, "gopher", overrides) == dropped_by


@pytest.mark.parametrize(
    ("text", "dropped_by"),
    [
        ("Just one sentence.", "few_sentences"),
        (ENGLISH + " Look at { this.", "curly_bracket"),
        (ENGLISH + " Here is Lorem Ipsum dolor sit amet.", "lorem_ipsum"),
        ("\n".join(["This line has no end at all"] * 9), "few_sentences"),
    ],
)
def test_c4(text: str, dropped_by: str) -> None:
    """C4 drops placeholders, code, and documents without finished sentences."""
    assert reason(text, "c4-datatrove") == dropped_by


@pytest.mark.parametrize(
    ("overrides", "text", "dropped_by"),
    [
        ({}, ENGLISH.replace(". ", "\n").replace(", ", "\n").removesuffix("."), "unfinished_lines"),
        ({}, ENGLISH.replace(", ", ".\n"), None),
        ({"short_lines": 0.0}, ENGLISH.replace(", ", ".\n"), "short_lines"),
        ({"repeated_line_characters": 0.0, "duplicate_lines": 1, "top_4gram": 1, "top_3gram": 1, "top_2gram": 1,
          "duplicate_5gram": 1, "duplicate_6gram": 1, "duplicate_7gram": 1},
         ENGLISH + "\nSo it ends.\nSo it ends.", "repeated_line_characters"),
        ({"list": 0.01}, ENGLISH.replace(", ", ".\n"), "list"),
    ],
)  # fmt: skip
def test_fineweb(overrides: dict[str, float], text: str, dropped_by: str | None) -> None:
    """FineWeb's own rules look at how lines end, how long they are, and how often they break."""
    assert reason(text, "fineweb-en", overrides) == dropped_by


def test_reviews_and_tweets_are_kept_by_short() -> None:
    """Opinions of a few words stay, noise goes."""
    repeated = ["wow wow wow wow wow wow", "不错" * 8]
    texts = ["Great phone, love it!", "房间很干净，服务也好", "!!!! :-) 5 5", *repeated, "A" * 60]
    languages = ["en", "zh", "en", "en", "zh", "en"]
    expected = [None, None, "no_letters", "repetition", "repetition", "few_words"]
    assert verdicts(texts, languages, JudgeParams(preset="short")) == expected


def test_order_of_reasons() -> None:
    """Empty comes before language, language before its score, its score before every rule."""
    documents = pa.table({
        "id": list("abcd"), "source": ["web"] * 4, "text": ["", "drie woorden hier", "x", "x"],
        "language": ["und", "nl", "en", "en"], "language_score": pa.array([0, 900, 100, 900], pa.int16()),
        **certain(4),
    })  # fmt: skip
    table = judge(documents, measure(documents)["signals"], params=JudgeParams(preset="prose"))["verdicts"]
    assert table["drop_reason"].to_pylist() == ["empty", "language", "language_score", "few_words"]


def test_what_is_known_of_the_language_is_judged_as_a_signal_is() -> None:
    """A text that is half in another language goes; the threshold can be overridden, up to 1000 per mille."""
    shares = pa.array([500, 501], pa.int16())
    documents = pa.table({
        "id": ["a", "b"], "text": [ENGLISH] * 2, "source": ["web"] * 2, "language": ["en"] * 2,
        "language_score": pa.array([900] * 2, pa.int16()), **certain(2) | {"mixed_language": shares},
    })  # fmt: skip
    signals = measure(documents)["signals"]
    for threshold, reasons in ((None, [None, "mixed_language"]), (499, ["mixed_language"] * 2), (1000, [None] * 2)):
        overrides = {} if threshold is None else {"prose.default.mixed_language": threshold}
        judged = judge(documents, signals, params=JudgeParams(preset="prose", overrides=overrides))["verdicts"]
        assert judged["drop_reason"].to_pylist() == reasons
    with pytest.raises(ValueError, match="mixed_language is between 0 and 1000"):
        JudgeParams(preset="prose", overrides={"prose.default.mixed_language": 1001})


def test_a_source_is_judged_by_its_own_preset() -> None:
    """`presets` names the preset of a source, `preset` that of all others."""
    params = JudgeParams(preset="prose", presets={"tweets": "short"})
    text = "Great phone, love it!"
    assert verdicts([text, text], ["en", "en"], params, ["tweets", "web"]) == [None, "few_words"]


def test_a_fraction_at_its_threshold_is_kept() -> None:
    """0.3 as it is stored (float32) is not above the 0.3 of the preset file."""
    lines = [f"Line number {word} of the poem." for word in ("one", "two", "three", "four", "five", "six", "seven")]
    rule = Rule(name="duplicate_lines", signal="duplicate_line_fraction", at_most=0.3)
    table = pa.table({"id": ["a"], "text": ["\n".join(lines + lines[:3])], "language": ["en"]})
    assert rule.broken_by(measure(table)["signals"]).to_pylist() == [False]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"preset": "gophr"}, "did you mean `gopher`"),
        ({"presets": {"tweets": "shrt"}}, "did you mean `short`"),
        ({"overrides": {"few_words": 3}}, "preset.language.rule"),
        ({"overrides": {"prose.default.few_wrds": 3}}, "did you mean `prose.default.few_words`"),
        ({"overrides": {"prose.default.bullet_lines": 1.5}}, "between 0 and 1"),
        ({"overrides": {"prose.default.few_words": -1}}, "at least 0"),
        ({"overrides": {"prose.default.few_words": "many"}}, "must be a number"),
        ({"overrides": {"prose.zh.few_words": 300_000}}, "nothing would be kept"),
    ],
)
def test_wrong_parameters_are_refused(arguments: dict[str, object], message: str) -> None:
    """A preset, rule or threshold that cannot be is named before anything runs."""
    with pytest.raises(ValueError, match=message):
        JudgeParams(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"signal": "words"}, "one of at_least and at_most"),
        ({"signal": "words", "at_least": 1, "at_most": 2}, "one of at_least and at_most"),
        ({"signal": "wrds", "at_least": 1}, "did you mean `words`"),
    ],
)
def test_wrong_rules_are_refused(arguments: dict[str, object], message: str) -> None:
    """A rule compares one signal that exists with one threshold."""
    with pytest.raises(ValueError, match=message):
        Rule(name="r", **arguments)  # type: ignore[arg-type]


def test_every_preset_loads() -> None:
    """The preset files are well formed, and the ones that the design names are there."""
    assert {
        "gopher", "c4-tfds", "c4-datatrove", "fineweb-en", "fineweb2-cmn_Hani", "refinedweb-dclm", "dolma-v1.6",
        "redpajama2", "datajuicer-en", "datajuicer-zh", "ccnet", "prose", "short",
    } == set(preset_names())  # fmt: skip
    for name in preset_names():
        preset = load_preset(name)
        assert preset.languages and all(preset.rules.values())


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("languages: {en: 2000}\nrules: {default: []}", "must be 0 to 1000 per mille"),
        ("languages: {en: 0}", "rules"),
        ("languages: {en: 0}\nrules: {en: [{a: {words: {at_least: 9}}}, {a: {words: {at_least: 8}}}]}", "stands twice"),
        ("languages: {en: 0}\nrules: {en: [{a: {words: {at_last: 9}}}]}", "at_last"),
        ("languages: [", "preset `broken`"),
    ],
)
def test_a_broken_preset_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, message: str
) -> None:
    """A preset file of one's own that is wrong is reported as a wrong parameter, not as a traceback."""
    (tmp_path / "broken.yaml").write_text(written)
    monkeypatch.setattr(rules, "PRESETS", tmp_path)
    rules.preset_names.cache_clear()
    try:
        with pytest.raises(ValueError, match=message):
            load_preset("broken")
    finally:
        rules.preset_names.cache_clear()
