"""Back-translation: the line structure, the errors, and the real engine."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from catalog.errors import OperatorError, ParameterError
from stages.augmentation.back_translation import Translation, back_translate
from stages.augmentation.copies import CHILDREN
from stages.augmentation.engines.apertium import MODES, Apertium
from stages.augmentation.engines.seq2seq import Seq2Seq
from stages.augmentation.leaks import CompareParams, compare
from tests.stages.test_augment import copy, documents

needs_apertium = pytest.mark.skipif(
    shutil.which("apertium") is None or not (MODES / "eng-spa.mode").exists(),
    reason="apertium-eng-spa is not installed: apt-get install --no-install-recommends apertium-eng-spa",
)


class Reversing:
    """An engine that writes each line backwards and counts what it was given."""

    version = "reversing 1"

    def __init__(self) -> None:
        self.seen: list[str] = []

    def translate(self, lines: list[str]) -> list[str]:
        self.seen += lines
        return [line[::-1] for line in lines]


def test_lines_and_order_are_kept() -> None:
    """There and back through a bijection gives the texts; a repeated line is translated once."""
    there, back = Reversing(), Reversing()
    texts = ["one\n\ntwo", "two", ""]
    assert back_translate(texts, there, back) == texts
    assert there.seen == ["one", "two"]


def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Apertium:
    """An engine whose program is a shell script."""
    program = tmp_path / "apertium"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    (tmp_path / "eng-spa.mode").write_text(f"cat '{program}'")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return Apertium("eng-spa", tmp_path)


@pytest.mark.parametrize("script", ["cat; echo one more", "exit 3", "head -n 1"])
def test_a_lost_line_or_a_failure_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Lines that do not match would give labels to the wrong texts."""
    engine = fake(tmp_path, monkeypatch, script)
    with pytest.raises(OperatorError, match="lines for 2"):
        engine.translate(["a", "b"])


def test_breaks_inside_a_line_are_no_new_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exotic line breaks go to the engine as spaces."""
    assert fake(tmp_path, monkeypatch, "cat").translate(["a\rb\u2028c", "d"]) == ["a b c", "d"]
    assert fake(tmp_path, monkeypatch, "exit 9").translate([]) == []


def test_version_follows_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed dictionary is another engine."""
    before = fake(tmp_path, monkeypatch, "cat").version
    assert fake(tmp_path, monkeypatch, "cat").version == before
    assert fake(tmp_path, monkeypatch, "cat # changed").version != before


def test_missing_engine_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without Apertium is told what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ParameterError, match="apt-get install --no-install-recommends apertium-eng-spa"):
        Apertium("eng-spa")


@needs_apertium
def test_apertium_round_trip() -> None:
    """The real engine keeps lines, punctuation and special characters, and repeats itself."""
    texts = [
        "The house is very big.\nI like [it] & <this> @ 5/6^2 {x} $7 \\ ~.",
        "We saw a good film yesterday.",
    ]
    there, back = Apertium("eng-spa"), Apertium("spa-eng")
    spanish = there.translate(["The house is very big."])
    assert spanish == ["La casa es muy grande."]
    result = back_translate(texts, there, back)
    assert result == back_translate(texts, there, back)
    assert [text.count("\n") for text in result] == [1, 0]
    assert result[0].startswith("The house is very big.") and "film" in result[1] and "*" not in result[1]


@needs_apertium
@pytest.mark.parametrize(
    ("there", "back", "text", "reason"),
    [
        ("eng-spa", "spa-eng", "Nobody enjoyed this film at all.", "changed_polarity"),
        ("en-eo", "eo-en", "Nobody liked the old mill by the river.", None),
        ("en-eo", "eo-en", "The house is very big.", "equals_parent"),
    ],
)
def test_a_negation_that_apertium_turns_around_is_refused(there: str, back: str, text: str, reason: str | None) -> None:
    """Through Spanish "nobody" comes back as "anybody", through Esperanto as "none"."""
    if not (MODES / f"{there}.mode").exists():
        pytest.skip("apt-get install --no-install-recommends apertium-eo-en")
    said = back_translate([text], Apertium(there), Apertium(back))[0]
    made = [{**copy("c", "p", said), "operator": "back_translation"}]
    table = pa.Table.from_pylist(made, schema=CHILDREN.remove_metadata())
    found = compare(table, documents(("p", text)), CompareParams())["compared"]
    assert found["drop_reason"].to_pylist() == [reason], said


@needs_apertium
def test_apertium_names_a_missing_direction() -> None:
    """A direction that is not installed is an error of the parameters."""
    with pytest.raises(ParameterError, match="the direction `eng-xyz` is not installed"):
        Apertium("eng-xyz")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BART of random weights with a tokenizer of its own, saved as users save theirs."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import BartConfig, BartForConditionalGeneration, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("model")
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    learned = Tokenizer(models.BPE(unk_token="<unk>"))
    learned.pre_tokenizer = pre_tokenizers.ByteLevel()
    learned.train_from_iterator(
        ["the mill by the river"] * 3, trainers.BpeTrainer(special_tokens=special, vocab_size=300)
    )
    learned.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    names = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=learned, **names).save_pretrained(folder)
    torch.manual_seed(1)
    shape = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
             "decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}  # fmt: skip
    config = BartConfig(
        vocab_size=len(learned.get_vocab()), max_position_embeddings=128, forced_eos_token_id=2, **shape
    )
    BartForConditionalGeneration(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def marian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Marian of random weights, laid out as those of OPUS: the padding is the last token and begins a text."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import MarianConfig, MarianMTModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("marian")
    learned = Tokenizer(models.BPE(unk_token="<unk>"))
    learned.pre_tokenizer, learned.decoder = pre_tokenizers.ByteLevel(), decoders.ByteLevel()
    learned.train_from_iterator(
        ["the mill by the river"] * 3, trainers.BpeTrainer(special_tokens=["</s>", "<unk>"], vocab_size=300)
    )
    learned.add_special_tokens(["<pad>"])
    learned.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 0)])
    names = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=learned, **names).save_pretrained(folder)
    torch.manual_seed(1)
    size, pad = learned.get_vocab_size(), learned.get_vocab_size() - 1
    shape = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
             "decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}  # fmt: skip
    ends = {"pad_token_id": pad, "decoder_start_token_id": pad, "eos_token_id": 0, "forced_eos_token_id": 0}
    MarianMTModel(MarianConfig(vocab_size=size, max_position_embeddings=64, **ends, **shape)).save_pretrained(folder)
    return folder


def test_a_converted_model_says_what_the_model_says(marian: Path, tmp_path: Path) -> None:
    """The real converter and the real program of CTranslate2 give, line by line, what transformers gives."""
    converters = pytest.importorskip("ctranslate2.converters", reason="pip install 'gristmill[translation]'")
    files = ["tokenizer.json", "tokenizer_config.json"]
    converters.TransformersConverter(str(marian), copy_files=files).convert(str(tmp_path / "converted"))
    direction = str(tmp_path / "converted")
    there, back = Translation(engine="ctranslate2", language="en", there=direction, back=direction).engines()
    lines = ["the mill", "by the river the mill", "the river", "the mill"]
    assert there.translate(lines) == Seq2Seq(str(marian)).translate(lines)
    assert there.translate([]) == []
    assert there.version == back.version != Seq2Seq(str(marian)).version


def test_a_missing_program_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where CTranslate2 is not installed, the error says how to install it."""
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    how = Translation(engine="ctranslate2", language="en", there="a", back="b")
    with pytest.raises(ParameterError, match=r"pip install 'gristmill\[translation\]'"):
        how.engines()


def test_a_model_translates_line_by_line(model: Path) -> None:
    """Each line has its own translation, whatever the order of the lines; an end is put to a model that knows none."""
    engine = Seq2Seq(str(model))
    lines = ["the mill", "by the river the mill", "the river", "the mill"]
    found = engine.translate(lines)
    assert len(found) == 4 and found[0] == found[3]
    assert engine.translate(lines[::-1]) == found[::-1]
    assert engine.translate(["the mill by the river " * 40])[0], "a text of more tokens than the model has positions"
    assert engine.translate([]) == []


def test_another_model_has_another_version(model: Path, tmp_path: Path) -> None:
    """One byte of one file is enough, so that a text is translated anew."""
    other = tmp_path / "model"
    shutil.copytree(model, other)
    assert Seq2Seq(str(other)).version == Seq2Seq(str(model)).version
    (other / "generation_config.json").write_text("{}")
    assert Seq2Seq(str(other)).version != Seq2Seq(str(model)).version


@pytest.mark.parametrize(
    ("engine", "direction", "message"),
    [
        ("transformers", "nowhere", "nowhere is no model of transformers, config.json is missing"),
        ("transformers", "a:b", "must be `folder` or `folder:source language:target language`"),
    ],
)
def test_a_missing_model_is_an_error_that_names_it(engine: str, direction: str, message: str) -> None:
    """The error says which folder, what it lacks, and what to do."""
    how = Translation(engine=engine, language="en", there=direction, back=direction)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=message):
        how.engines()
