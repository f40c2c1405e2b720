"""Presets: the MinHash numbers of published corpora and programs, by the names of the field.

A preset is its numbers: shingles, signature, bands, and the similarity that a pair must have. It is not the program:
texts are folded and hashed in one way for all (stages/text/minhash/shingles.py), and pairs are verified, which
FineWeb's and RedPajama's programs leave out: they join whatever shares a bucket.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """One published choice, and where it was published."""

    num_perm: int  # values per signature
    bands: int
    rows_per_band: int
    min_jaccard: float  # shared shingles / all shingles
    seed: int = 1
    shingle_unit: str = "words"
    shingle_words: int = 5
    shingle_characters: int = 5  # where published for words only: Data-Juicer's for Chinese
    source: str


PRESETS: dict[str, Preset] = {
    "fineweb": Preset(
        num_perm=112, bands=14, rows_per_band=8, min_jaccard=0.75,
        source="datatrove MinhashConfig: 5 words, 14 x 8, seed 1 (FineWeb 2 too); aimed at 75% (Penedo et al. 2024)",
    ),
    "refinedweb": Preset(
        num_perm=9000, bands=450, rows_per_band=20, min_jaccard=0.8,
        source="Penedo et al. 2023, G.3: 5 words, 9,000 = 450 x 20, after Lee et al. 2022, who verify at .8",
    ),
    "redpajama2": Preset(
        num_perm=128, bands=9, rows_per_band=13, min_jaccard=0.8, shingle_words=13, shingle_characters=13,
        source="RedPajama-Data 2, rp_v2.0.conf: 13 words, 128 values; 9 x 13 for the level .8",
    ),
    "nemo": Preset(
        num_perm=260, bands=20, rows_per_band=13, min_jaccard=0.8, seed=42,
        shingle_unit="characters", shingle_characters=24,
        source="NeMo Curator fuzzy deduplication: 24 characters, 20 x 13, seed 42; .8 in its check of false positives",
    ),
    "datajuicer": Preset(
        num_perm=256, bands=25, rows_per_band=10, min_jaccard=0.7,
        source="Data-Juicer document_minhash_deduplicator: 5 words (characters for Chinese), 256 values, .7: 25 x 10",
    ),
    "text-dedup": Preset(
        num_perm=240, bands=24, rows_per_band=10, min_jaccard=0.7,
        source="text-dedup configs/minhash.toml: 5 words, 240 values, .7: 24 x 10",
    ),
}  # fmt: skip
