"""Declared signals: perplexity by a reference, by KenLM or a causal model, and classifiers; what each runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from catalog.digests import file_sha256
from catalog.errors import InputError, ParameterError
from catalog.segments import read_segments
from stages.scores import causal
from stages.scores.params import CausalParams, PinnedFile
from stages.text.rules.thresholds import judge_params, judged
from tests.stages.test_clean import built, clean, column

__all__ = ["built"]  # a fixture

REFERENCE = {"reference": {"sources": ["test"], "order": 3}}


def test_nothing_is_declared_by_default(built: Path) -> None:
    """And then no model is trained and no table written."""
    assert set(clean()) == {"extract", "measure", "judge"}
    assert read_segments("clean", "perplexity") == []


def test_perplexity_is_measured_and_judged(built: Path) -> None:
    """Each document gets one; the tail of its language is dropped by ccnet."""
    clean(preset="ccnet", perplexity=REFERENCE | {"buckets": {"head": 30, "middle": 50}})
    values, buckets = column("perplexity", "value"), column("bucket", "value")
    assert len(values) == len(buckets) == 3 and all(value > 1 for value in values)  # the empty text has none
    assert buckets == [1, 1, 3]
    assert column("verdicts", "drop_reason") == [None, None, "empty", "few_characters"]
    clean(preset="ccnet", overrides={"ccnet.default.few_characters": 0}, perplexity=REFERENCE)
    assert column("verdicts", "drop_reason") == [None, None, "empty", "tail"]


def test_thresholds_knows_declared_signals(built: Path) -> None:
    """As those that are measured; where nobody declares one, it says so."""
    clean(preset="ccnet")
    with pytest.raises(InputError, match="perplexity_bucket is not declared"):
        judged("perplexity_bucket", judge_params())
    clean(preset="ccnet", perplexity=REFERENCE)
    (found,) = judged("perplexity_bucket", judge_params())
    assert found.values.tolist() == [1, 1, 3]


def test_what_a_change_of_the_declaration_runs(built: Path) -> None:
    """Other percentiles ask no model; a threshold trains none; an order trains and asks."""
    clean(perplexity=REFERENCE)
    cut = clean(perplexity=REFERENCE | {"buckets": {"head": 10, "middle": 20}})
    assert {"ngrams", "perplexity"} & set(cut) == set() and "cutoffs" in cut
    again = clean(perplexity={"reference": {"sources": ["test"], "order": 2}})
    assert {"ngrams", "perplexity", "cutoffs"} <= set(again)
    assert "extract" not in again


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"reference": {"sources": []}}, "must be a list of sources"),
        ({"reference": {"sources": ["test"], "order": 9}}, "must be 1 to 6"),
        ({"reference": {"sources": ["test"]}, "kenlm": {}}, "needs one of reference, kenlm, causal"),
        ({"reference": {"sources": ["test"], "ordr": 3}}, "ordr"),
        ({"kenlm": {"path": "m.bin", "sha256": "?"}}, "sha256"),
        ({"reference": {"sources": ["test"]}, "buckets": {"head": 70}}, "percentiles in order"),
    ],
)
def test_a_wrong_declaration_is_refused(built: Path, declared: dict[str, Any], message: str) -> None:
    """Before anything runs."""
    with pytest.raises(ParameterError, match=message):
        clean(perplexity=declared)


def test_a_reference_without_documents_is_named(built: Path) -> None:
    """A source that is not there."""
    with pytest.raises(InputError, match="wikipedia have no document"):
        clean(perplexity={"reference": {"sources": ["wikipedia"]}})


def arpa(path: Path) -> None:
    """A small model of KenLM's, with the words of two lines."""
    words = {"<s>": -99.0, "</s>": -1.0, "<unk>": -2.0, "the": -0.5, "river": -1.0}
    unigrams = "\n".join(f"{value}\t{word}\t0" for word, value in words.items())
    path.write_text(f"\\data\\\nngram 1={len(words)}\nngram 2=1\n\n\\1-grams:\n{unigrams}\n\n\\2-grams:\n"
                    "-0.25\tthe river\n\n\\end\\\n")  # fmt: skip


def test_perplexity_by_kenlm(project: Path) -> None:
    """10 to the mean of -log10 per token and end of a line, in lower case."""
    kenlm_model = pytest.importorskip("stages.scores.kenlm_model")
    path = Path("m.arpa")
    arpa(path)
    texts = pa.table({"id": ["a", "b"], "text": ["The river\nriver the\n", ""], "language": ["en", "und"]})
    rows = kenlm_model.perplex(texts, params=PinnedFile(path=str(path), sha256=file_sha256(path)))["perplexity"]
    assert rows["id"].to_pylist() == ["a"]
    assert rows["value"][0].as_py() == pytest.approx(10 ** ((0.5 + 0.25 + 1 + 1 + 0.5 + 1) / 6), abs=0.01)


def test_perplexity_by_a_causal_model(tmp_path: Path) -> None:
    """A model of zeros finds each of its 32 tokens as likely; a document of one token has no perplexity."""
    folder = tmp_path / "model"
    tokenizer = Tokenizer(WordLevel({f"w{at}": at for at in range(32)}, unk_token="w0"))
    tokenizer.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=32, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1,
    ))  # fmt: skip
    torch.nn.init.zeros_(model.lm_head.weight)
    model.save_pretrained(folder)
    texts = pa.table({"id": ["a", "b"], "text": ["w1 w2 w3 w4", "w1"]})
    params = CausalParams(folder=str(folder), sha256=file_sha256(folder / "model.safetensors"))
    rows = causal.perplex(texts, params=params)["perplexity"]
    assert rows.to_pylist() == [{"id": "a", "signal": "perplexity", "value": 32.0}]
    with pytest.raises(InputError, match="the sha256 of"):
        causal.perplex(texts, params=CausalParams(folder=str(folder), sha256="0" * 64))
