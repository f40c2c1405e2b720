"""The pages whose commands are typed, and what stands in for the things that only a reader has.

A block of commands begins with ```sh; any other block is output, or for another program. docs/tutorial.md and
docs/training.md need no built corpus and have tests of their own (tests/pipeline/test_tutorial.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.pipeline.conftest import ROOT

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

AN_EDIT = "sed -i 's/overrides: {{}}/overrides: {{short.default.few_words: 4}}/' params.yaml"

STAND_INS: Mapping[str, Mapping[str, str]] = {
    "README.md": {
        "<id or URI>": "{document}",
        "--query 'cat:cs.CL'": "--query 'cat:cs.CL' --set base={arxiv} --set 'allow_networks=[127.0.0.0/8]'",
        "/mnt/shared/corpus": "{work}/shared",
    },
    "docs/cleaning.md": {},
    "docs/concepts.md": {},
    "docs/exports.md": {},
    "docs/forgetting.md": {"https://example.org/a": "{document}"},
    "docs/operations.md": {},
    "docs/serving.md": {},
    "docs/sharing.md": {
        "/mnt/shared/corpus": "{work}/shared",
        "https://example.org/corpus.git": "{work}/corpus.git",
        "dvc repro   ": f"{AN_EDIT}; dvc repro clean",
        "--set user=ann --secret password --dry-run": "--remote dav --dry-run --url {dav}",
        "--url s3://private/corpus --secret access_key_id --secret secret_access_key": "--remote p --yes --url {s3}",
        "--url ssh://host/srv/www/corpus --public https://data.example.org/corpus": "--url {ssh} --public {web}",
    },
    "docs/sources.md": {},
}  # fmt: skip
"""Page -> words of it -> what is typed in their place. Every one of them must be in the page."""


def blocks(page: str, language: str = "sh") -> list[str]:
    """The blocks of a page that are marked as of a language, as they are written."""
    found = BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))
    return [content for marked, content in found if marked == language]


def typed(page: str, things: Mapping[str, str]) -> str:
    """The commands of a page for one shell; `things` are what the stand-ins name."""
    script = "\n".join(blocks(page))
    for words, stand_in in STAND_INS[page].items():
        assert words in script, f"{page} has no {words}; mend {__name__}"
        script = script.replace(words, stand_in.format(**things))
    return script
