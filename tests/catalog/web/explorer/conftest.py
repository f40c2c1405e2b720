"""The explorer over the small corpus, without a socket; and a corpus whose every word is an attack."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from catalog.web.app import explorer
from catalog.web.security import Access
from stages.catalog import main
from tests.catalog import small_corpus

SET = "document.title = 'taken'"
PAYLOADS = {
    "train_en": f'https://example.org/"><img src=x onerror="{SET}">',
    "copy_en": f"javascript:{SET}//",
    "short": f"data:text/html,<script>{SET}</script>",
    "test_zh": f'https://example.org/</title></textarea></pre></script><svg onload="{SET}">',
    "conflict": "HTTPS://example.org\\@evil.example/'; DROP TABLE documents; --",
    "broken": "https://example.org/{{ 7 * 191 }}\u202e\u2066\x1b[2Jgnp.exe",
}
"""Document -> its URI, title, author and text."""


@pytest.fixture
def client(shared_corpus: Path) -> TestClient:
    """The explorer over the small corpus."""
    return TestClient(explorer(Access()), base_url="http://localhost")


@pytest.fixture(scope="module")
def hostile_corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project of six documents that attack whoever shows them; the current directory while it is used."""
    capture: Callable[[str], dict[str, Any]] = small_corpus._capture

    def attacking(name: str) -> dict[str, Any]:
        return capture(name) | {"title": PAYLOADS.get(name), "author": PAYLOADS.get(name)}

    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("hostile")
        patch.chdir(root)
        patch.setenv("GRISTMILL_WORKERS", "1")
        patch.setattr(small_corpus, "uri", lambda name: PAYLOADS.get(name, f"https://example.org/{name}"))
        patch.setattr(small_corpus, "_capture", attacking)
        patch.setattr(small_corpus, "TEXTS", small_corpus.TEXTS | {name: PAYLOADS[name] for name in small_corpus.TEXTS})
        Path("params.yaml").write_text("")
        small_corpus.write_corpus()
        main()
        yield root
    shutil.rmtree(root)
