"""A table of a StackExchange data dump (Posts.xml, Comments.xml) -> one document per row that has a text.

The attributes of `<row>` are those of https://archive.org/details/stackexchange. A post's body is HTML, a comment's
text is plain. A post without a body (of a tag that has no wiki yet) is a broken row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO

from stages.sources.formats import Broken, content_key
from stages.sources.formats.xml_elements import Elements, rows_of
from stages.sources.rows import Row

TYPES = {
    "1": "question", "2": "answer", "3": "wiki", "4": "tag wiki excerpt", "5": "tag wiki", "6": "moderator nomination",
    "7": "wiki placeholder", "8": "privilege wiki",
}  # fmt: skip
META = {
    "Score": "score", "Tags": "tags", "ParentId": "parent", "PostId": "post", "AcceptedAnswerId": "accepted_answer",
    "ContentLicense": "licence", "ViewCount": "views", "AnswerCount": "answers", "LastEditDate": "edited_at",
}  # fmt: skip
AUTHORS = ("OwnerDisplayName", "UserDisplayName", "OwnerUserId", "UserId")


def stackexchange_rows(stream: BinaryIO) -> Iterator[Row | Broken]:
    """A row per `<row>`. Errors: UnreadableFile."""
    return rows_of(stream, _Posts())


class _Posts(Elements):
    def start(self, name: str, attributes: dict[str, str]) -> None:
        """A post is one element."""
        if name == "row":
            self.found.append(_post(attributes))


def _post(post: dict[str, str]) -> Row | Broken:
    key, text = post.get("Id", ""), post.get("Body") or post.get("Text")
    if not key.isdecimal() or len(key) > 20:
        spelled = json.dumps(post, sort_keys=True).encode()
        return Broken(content_key(spelled), "a <row> without a number as its Id")
    if not text:
        return Broken(key, f"a {TYPES.get(post.get('PostTypeId', ''), 'row')} without a text")
    meta = {"type": TYPES.get(post.get("PostTypeId", ""))} | {name: post.get(key) for key, name in META.items()}
    return Row(
        body=text.encode(),
        key=key,
        mime="text/html" if "Body" in post else "text/plain",
        charset="utf-8",
        title=post.get("Title") or None,
        author=next((post[name] for name in AUTHORS if post.get(name)), None),
        published_at=post.get("CreationDate"),
        meta=json.dumps(
            {name: value for name, value in meta.items() if value},
            ensure_ascii=False,
            sort_keys=True,
            separators=(",", ":"),
        ),
    )
