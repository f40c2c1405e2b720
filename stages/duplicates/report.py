"""duplicates: what the numbers of `dedup` catch, what its levels dropped, and for which documents.

Reads   the block `dedup` of params.yaml; clean/text and dedup/verdicts where they are built
Prints  the probability that MinHash catches a pair, by its similarity, for the numbers in use and for every preset;
        documents by source and level; the biggest clusters
Run     gristmill duplicates [--preset NAME] [--limit N]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa

from catalog.errors import InputError, exit_on_error
from catalog.layout import MANIFEST, stage_root
from catalog.params import load_params, read_block
from catalog.segments import read_segments
from stages.duplicates.account import biggest, by_source, excerpts, outcomes_of
from stages.duplicates.cutting import CutParams
from stages.duplicates.params import NEAR, DedupParams
from stages.duplicates.presets import PRESETS
from stages.text.minhash.lsh import catch_probability

MEASURES = {"exact": "their shingles", "estimate": "their signatures"}
SIMILARITIES = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)


def catches(given: DedupParams) -> Iterator[str]:
    """The numbers of MinHash, and how likely they are to bring a pair together."""
    made, cut = given.clustering(), given.clustering().shingling
    width = f"{getattr(cut, cut.unit)} {cut.unit}"
    if cut.unit == "words":
        width += f" ({cut.characters} characters of scripts without spaces)"
    yield f"MinHash: {width} a shingle, {made.num_perm} values, {made.bands} bands of {made.rows_per_band} rows"
    yield f"a pair counts at Jaccard {made.min_jaccard} or more, by {MEASURES[made.verify]}"
    if NEAR not in made.levels:
        yield f"not in use: dedup.levels is [{', '.join(made.levels)}]"
    yield f"  {'Jaccard of a pair':<28}" + "".join(f"{similarity:>7}" for similarity in SIMILARITIES)
    yield _curve("P(caught), these numbers", made.bands, made.rows_per_band)
    for name, preset in PRESETS.items():
        yield _curve(f"{name}, {preset.bands} x {preset.rows_per_band}", preset.bands, preset.rows_per_band)


def _curve(name: str, bands: int, rows: int) -> str:
    chances = (catch_probability(similarity, bands, rows) for similarity in SIMILARITIES)
    return f"  {name:<28}" + "".join(f"{chance:>7.3f}" for chance in chances)


def happened(limit: int) -> Iterator[str]:
    """Documents by source and level, and the biggest clusters, of what is built."""
    if not (stage_root("dedup") / MANIFEST).exists():
        yield "nothing is built yet; run `dvc repro dedup`"
        return
    texts = read_segments("clean", "text")
    sources = pa.concat_tables([segment.read(["id", "source"]) for segment in texts])
    verdicts = pa.concat_tables(
        [segment.read(["id", "representative", "drop_reason"]) for segment in read_segments("dedup", "verdicts")]
    )
    joined = verdicts.join(sources, "id", join_type="inner")
    yield "documents that `clean` kept"
    yield from by_source(outcomes_of(joined["source"], joined["drop_reason"]))
    yield from excerpts(texts, biggest(joined["representative"], limit))


def main() -> None:
    """Print the page; see the module."""
    parser = argparse.ArgumentParser(prog="gristmill duplicates")
    parser.add_argument("--preset", default="")
    parser.add_argument("--limit", type=int, default=5)
    asked = parser.parse_args()
    given: DedupParams = load_params("dedup", read_block("dedup"), [DedupParams, CutParams])[DedupParams]
    if asked.preset and asked.preset not in PRESETS:
        raise InputError(f"no preset is called {asked.preset}; known: {', '.join(PRESETS)}")
    if asked.preset:
        print(f"preset {asked.preset}: {PRESETS[asked.preset].source}")
        given = replace(DedupParams(preset=asked.preset), levels=given.levels, verify=given.verify)
    print("\n".join([*catches(given), *happened(asked.limit)]))


if __name__ == "__main__":
    exit_on_error(main)
