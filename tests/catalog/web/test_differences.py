"""Differences: nothing of a text is lost, and no text takes long."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from catalog.web import differences
from catalog.web.differences import MOST_WORDS, kept_in

TEXTS = st.text(st.sampled_from("ab 中文\n.<>"), max_size=60)


@given(TEXTS, TEXTS)
def test_pieces_are_the_text_and_equal_ones_stand_in_both(before: str, after: str) -> None:
    """Joined they are the text; what is the same is the same on both sides."""
    left, right = differences.differences(before, after)
    assert ("".join(piece.text for piece in left), "".join(piece.text for piece in right)) == (before, after)
    assert "".join(p.text for p in left if p.same) == "".join(p.text for p in right if p.same)
    assert "".join(piece.text for piece in kept_in(before, after)) == before


def test_one_word_of_many_is_marked() -> None:
    """Also in a script without spaces, and in a text of one line that is too long to compare word by word."""
    left, right = differences.differences("a red house\nand more", "a blue house\nand more")
    assert [piece.text for piece in left + right if not piece.same] == ["red", "blue"]
    left, right = differences.differences("这部电影很好看", "这部电影不好看")
    assert [piece.text for piece in left + right if not piece.same] == ["很", "不"]
    long = " ".join(f"{place}a" for place in range(MOST_WORDS))
    left, _ = differences.differences(f"x {long} y", f"z {long[::-1]} y")
    assert [piece.same for piece in left] == [False, True]


def test_what_was_kept_of_a_page() -> None:
    """Words of the text are found between tags and entities, behind the words before; the menu above is not them."""
    page = "<nav>First page</nav><h1>First</h1><p>A <b>bold</b> word &amp; more</p><script>more</script>"
    kept = [piece.text for piece in kept_in(page, "First\n\nA bold word & more\n") if piece.same]
    assert kept == ["First", "A", "bold", "word", "more"]
