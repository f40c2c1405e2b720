"""The block `dedup`: presets by the field's names, what overrides them, and what is refused; and the command's page."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import ParameterError
from catalog.params import load_params, read_block
from stages.duplicates.cutting import CutParams
from stages.duplicates.params import ClusterParams, DedupParams
from stages.duplicates.presets import PRESETS
from stages.text.minhash.lsh import catch_probability
from stages.text.minhash.signing import SignParams


def loaded(**block: Any) -> DedupParams:
    given: DedupParams = load_params("dedup", block, [DedupParams, CutParams])[DedupParams]
    return given


@pytest.mark.parametrize(
    ("name", "at_7", "at_8", "at_9"),
    [
        ("fineweb", 0.565, 0.924, 1.0), ("refinedweb", 0.302, 0.995, 1.0), ("redpajama2", 0.084, 0.399, 0.929),
        ("nemo", 0.177, 0.677, 0.997), ("datajuicer", 0.511, 0.942, 1.0), ("text-dedup", 0.497, 0.935, 1.0),
    ],
)  # fmt: skip
def test_presets_catch_what_is_published(name: str, at_7: float, at_8: float, at_9: float) -> None:
    """Each name gives numbers that fit together, and the S-curve of its source."""
    given = loaded(preset=name).clustering()
    found = [catch_probability(similarity, given.bands, given.rows_per_band) for similarity in (0.7, 0.8, 0.9)]
    assert found == pytest.approx([at_7, at_8, at_9], abs=0.001)
    assert given.shingling == loaded(preset=name).signing().shingling
    assert PRESETS[name].source


def test_what_is_written_overrides_the_preset() -> None:
    """One number of nemo changed leaves its others; null is as good as not written."""
    given = loaded(preset="nemo", shingle_characters=10, bands=None)
    nemo = loaded(preset="nemo")
    assert given.signing().shingling == replace(nemo.signing().shingling, characters=10)
    assert given.clustering().bands == 20 and given.signing().seed == 42
    assert (nemo.signing().shingling.unit, nemo.signing().shingling.characters) == ("characters", 24)


def test_the_repository_asks_for_what_fineweb_does_at_80_percent() -> None:
    """params.yaml spells the defaults: another file without the block clusters and signs alike."""
    given = loaded(**read_block("dedup", Path(__file__).parents[3] / "params.yaml"))
    assert given.clustering() == ClusterParams() == loaded(min_jaccard=0.8).clustering()
    assert given.signing() == SignParams()


def test_levels_are_applied_in_one_order() -> None:
    """However they are listed."""
    assert loaded(levels=["near", "url", "exact"]).clustering().levels == ("url", "exact", "near")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"preset": "fine-web"}, "preset is fine-web, must be one of fineweb, refinedweb"),
        ({"bands": 20}, "bands * rows is 20 * 8 = 160, must be <= num_perm = 112"),
        ({"rows_per_band": 0}, "must each be >= 1"),
        ({"num_perm": 20000}, "num_perm is 20000, must be 1 to 16384"),
        ({"min_jaccard": 0.0}, "min_jaccard is 0.0"),
        ({"max_dropped_fraction": 1.5}, "max_dropped_fraction is 1.5"),
        ({"partition_documents": 0}, "partition_documents is 0, must be >= 1"),
        ({"max_cluster_documents": 1}, "max_cluster_documents is 1, must be >= 2"),
        ({"min_representative_similarity": 0.9}, "similarity is 0.9, must be 0 to min_jaccard = 0.75"),
        ({"levels": ["paragraf"]}, "levels has 'paragraf', must be among url, exact, normalised, near"),
        ({"keep": ["newest"]}, "keep has 'newest', must be among source_priority"),
        ({"keep": ["source_priority"]}, "the list source_priority names no source"),
        ({"keep": ["quality"]}, "quality names no column"),
        ({"quality": "-wordz"}, "quality is -wordz, must be a column of clean/signals; did you mean `words`?"),
        ({"verify": "guess"}, "verify is guess"),
        ({"rehydrate": "fineweb3"}, "rehydrate is fineweb3, must be fineweb2"),
        ({"rehydrate": {0: 1}}, "rehydrate has 0: 1"),
        ({"accept": {"source a": "yes"}}, "accept: 'source a' is 'yes', must be a number"),
        ({"shingle_unit": "lines"}, "shingle_unit is lines, must be one of words, characters, tokens"),
        ({"shingle_unit": "tokens"}, "needs shingle_tokenizer"),
        ({"shingle_words": 0}, "shingle_words is 0"),
    ],
)  # fmt: skip
def test_impossible_parameters(changed: dict[str, Any], message: str) -> None:
    """Every impossible value is named with its bound."""
    with pytest.raises(ParameterError) as caught:
        loaded(**changed)
    assert message in str(caught.value)


def test_all_problems_are_told_at_once() -> None:
    """Of signing and of clustering."""
    with pytest.raises(ParameterError, match=r"(?s)4 problem.*num_perm.*keep has.*verify"):
        loaded(num_perm=0, keep=["newest"], verify="guess")


def test_the_command_prints_the_curve(tmp_path: Path) -> None:
    """`gristmill duplicates` needs no build to say what a preset catches, and names those it knows."""
    (tmp_path / "params.yaml").write_text("dedup: {preset: nemo}\n")

    def page(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "stages.duplicates.report", *options]
        environment = {"PYTHONPATH": str(Path(__file__).parents[3])}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    curve = "P(caught), these numbers 0.002 0.026 0.177 0.382 0.677 0.924 0.997 1.000 1.000"
    rows = [line.split() for line in page().stdout.splitlines()]
    assert curve.split() in rows
    assert {row[0].rstrip(",") for row in rows if row} >= set(PRESETS)
    assert "24 characters a shingle" in page().stdout
    assert "known: fineweb" in page("--preset=none").stderr
