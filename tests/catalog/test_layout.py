"""Layout: what DVC's own configuration says of its store."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import InputError
from catalog.layout import dvc_links, dvc_store


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("config", b"[cache]\n    type = copy\nrubbish\n", 3),
        ("config", b"type = copy\n", 1),
        ("config", b"[cache]\ntype = copy\ntype = hardlink\n", 3),
        ("config.local", b"[cache]\n[cache]\n", 2),
        ("config.local", b"[cache]\ndir = \xff\n", 2),
    ],
)
def test_a_broken_configuration_of_dvc_is_named_with_its_line(
    project: Path, name: str, content: bytes, line: int
) -> None:
    """Whoever reads the store learns where to look, and what to type next."""
    (project / ".dvc").mkdir(exist_ok=True)
    (project / ".dvc" / name).write_bytes(content)
    for read in (dvc_store, dvc_links):
        with pytest.raises(InputError, match=rf"\.dvc/{name}:{line} is no line .*`dvc config --list`"):
            read()


def test_the_local_configuration_wins_and_a_percent_sign_is_one(project: Path) -> None:
    """As DVC reads them."""
    (project / ".dvc").mkdir(exist_ok=True)
    (project / ".dvc/config").write_text("[cache]\n    dir = /shared/a%20b\n    type = hardlink,copy\n")
    assert dvc_store() == Path("/shared/a%20b/files/md5")
    assert dvc_links() == ["hardlink", "copy"]
    (project / ".dvc/config.local").write_text("[cache]\n    dir = ../other\n")
    assert dvc_store() == Path(".dvc/../other/files/md5")
