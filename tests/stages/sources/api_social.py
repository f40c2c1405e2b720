"""Answers in the shapes that encyclopedias, forums and social media give; see api_literature.py."""

from __future__ import annotations

import base64
from typing import Any

from tests.stages.sources.api_literature import EN, ZH, Script
from tests.stages.sources.interfaces import Reply

SEARCH = {"list": "search", "srsearch": "river"}


def wiki_page(number: int, text: str) -> dict[str, Any]:
    """One page of the action API."""
    url = f"https://en.wikipedia.org/wiki/Page_{number}"
    return {"query": {"pages": [
        {"pageid": number, "ns": 0, "title": f"Page {number}", "extract": text, "pagelanguage": "en", "fullurl": url,
         "canonicalurl": url, "revisions": [{"revid": 7, "parentid": 6, "timestamp": "2024-01-01T00:00:00Z"}]},
    ]}}  # fmt: skip


def found(*pages: int, sroffset: int | None = None) -> dict[str, Any]:
    """An answer of `list=search`."""
    more = {"continue": {"sroffset": sroffset, "continue": "-||"}} if sroffset else {"batchcomplete": True}
    return more | {"query": {"search": [{"ns": 0, "title": f"Page {one}", "pageid": one} for one in pages]}}


WIKIPEDIA = Script(
    preset="wikipedia", late=0, entry={"query": "river"}, replies=[
        Reply("/w/api.php", found(3), SEARCH | {"sroffset": "50"}),
        Reply("/w/api.php", found(1, 2, sroffset=50), SEARCH),
        *(Reply("/w/api.php", wiki_page(number, text), {"pageids": str(number)})
          for number, text in ((1, EN), (2, ""), (3, ZH))),
    ],
    expected={"https://en.wikipedia.org/wiki/Page_1": EN, "https://en.wikipedia.org/wiki/Page_3": ZH},
    broken={"https://en.wikipedia.org/wiki/Page_2": "no text at extract"},
    columns={"published_at": "2024-01-01T00:00:00Z"},
)  # fmt: skip
HTML = "/api/rest_v1/page/html"
WIKIPEDIA_HTML = Script(
    preset="wikipedia-html", late=3, entry={"query": "river"}, replies=[
        Reply("/w/api.php", found(3), SEARCH | {"sroffset": "50"}),
        Reply("/w/api.php", found(1, 2, sroffset=50), SEARCH),
        Reply(f"{HTML}/Page 1", f"<p>{EN}</p>", mime="text/html; charset=utf-8", headers={"ETag": '"1"'}),
        Reply(f"{HTML}/Page 3", f"<p>{ZH}</p>", mime="text/html; charset=utf-8"),
    ],
    expected={f"BASE{HTML}/Page%201": f"<p>{EN}</p>", f"BASE{HTML}/Page%203": f"<p>{ZH}</p>"},
    broken={f"BASE{HTML}/Page%202": "status 404"}, mime="text/html",
)  # fmt: skip


def status(number: int, content: str) -> dict[str, Any]:
    """One post of Mastodon, by an author who does not want to be indexed."""
    return {
        "id": str(110000000000000000 + number), "created_at": "2024-01-01T00:00:00.000Z", "visibility": "public",
        "sensitive": False, "language": "en", "uri": f"https://m.test/users/ada/statuses/{number}",
        "url": f"https://m.test/@ada/{number}", "content": content, "edited_at": None,
        "account": {"id": "1", "acct": "ada", "noindex": True, "indexable": False},
    }  # fmt: skip


TAG = "/api/v1/timelines/tag/river"
NEXT = f'<BASE{TAG}?limit=40&max_id=110000000000000002>; rel="next", <BASE{TAG}?min_id=3>; rel="prev"'
MASTODON = Script(
    preset="mastodon", late=0, entry={"query": "river"}, replies=[
        Reply(TAG, [status(1, f"<p>{ZH}</p>")], {"max_id": "110000000000000002"}),
        Reply(TAG, [status(3, f"<p>{EN}</p>"), status(2, "")], headers={"Link": NEXT}),
    ],
    expected={"https://m.test/@ada/1": f"<p>{ZH}</p>", "https://m.test/@ada/3": f"<p>{EN}</p>"}, mime="text/html",
    broken={"https://m.test/@ada/2": "no text at content"}, columns={"author": "ada"},
)  # fmt: skip


POSTED = "at://did:plc:abc/app.bsky.feed.post/"


def post(number: int, text: str) -> dict[str, Any]:
    """One post of Bluesky."""
    return {
        "uri": f"{POSTED}{number}", "cid": f"bafy{number}", "indexedAt": "2024-01-01T00:00:00Z", "likeCount": 1,
        "author": {"did": "did:plc:abc", "handle": "ada.test"},
        "record": {
            "$type": "app.bsky.feed.post", "createdAt": "2024-01-01T00:00:00Z", "langs": ["en", "zh"], "text": text,
        },
    }  # fmt: skip


FEED, FIND = "/xrpc/app.bsky.feed.getAuthorFeed", "/xrpc/app.bsky.feed.searchPosts"
POSTS = {f"{POSTED}1": EN, f"{POSTED}3": ZH}
BLUESKY = Script(
    preset="bluesky", late=0, entry={"query": "ada.test"}, replies=[
        Reply(FEED, {"feed": [{"post": post(3, ZH)}]}, {"cursor": "2024-01-01T00:00:00Z"}),
        Reply(FEED, {"cursor": "2024-01-01T00:00:00Z", "feed": [{"post": post(1, EN)}, {"post": post(2, "")}]}),
    ],
    expected=POSTS, broken={f"{POSTED}2": "no text at post.record.text"},
    columns={"author": "ada.test"},
)  # fmt: skip
BLUESKY_SEARCH = Script(
    preset="bluesky-search", late=0, entry={"query": "rivers"}, replies=[
        Reply(FIND, {"posts": [post(3, ZH)], "hitsTotal": 3}, {"cursor": "2"}),
        Reply(FIND, {"cursor": "2", "posts": [post(1, EN), post(2, "")]}),
    ],
    expected=POSTS, broken={f"{POSTED}2": "no text at record.text"},
    columns={"author": "ada.test"},
)  # fmt: skip

HN = "https://news.ycombinator.com/item?id="
HACKERNEWS = Script(
    preset="hackernews", late=4, entry={}, replies=[
        Reply("/v0/maxitem.json", 4),
        Reply("/v0/item/4.json", {"by": "ada", "id": 4, "text": EN, "time": 1700000000, "type": "comment"}),
        Reply("/v0/item/3.json", {"deleted": True, "id": 3, "time": 1700000000, "type": "comment"}),
        Reply("/v0/item/2.json", {"by": "bo", "id": 2, "title": "A link", "type": "story", "url": "https://x.test/"}),
        Reply("/v0/item/1.json", {"by": "ada", "id": 1, "text": ZH, "title": "问", "time": 1700000000}),
    ],
    expected={f"{HN}1": ZH, f"{HN}4": EN}, broken={f"{HN}2": "no text at text"}, mime="text/html",
    columns={"author": "ada", "published_at": "1700000000"},
)  # fmt: skip


def hit(number: int, text: str | None) -> dict[str, Any]:
    """One hit of the search."""
    return {
        "objectID": str(number), "author": "ada", "created_at": "2024-01-01T00:00:00Z", "created_at_i": 1704067200,
        "comment_text": text, "story_title": "A story", "parent_id": 1, "_tags": ["comment", "author_ada"],
    }  # fmt: skip


FOUND = "/api/v1/search_by_date"
HACKERNEWS_SEARCH = Script(
    preset="hackernews-search", entry={"query": "rivers", "paging": {"size": 2}}, replies=[
        Reply(FOUND, {"hits": [hit(7, EN), hit(6, None)], "nbPages": 2, "page": 0}, {"page": "0"}),
        Reply(FOUND, {"hits": [hit(5, ZH)], "nbPages": 2, "page": 1}, {"page": "1"}),
    ],
    expected={f"{HN}7": EN, f"{HN}5": ZH}, broken={f"{HN}6": "no text at comment_text | story_text"},
    mime="text/html", columns={"title": "A story", "given_label": "comment"},
)  # fmt: skip


def thing(number: int, text: str) -> dict[str, Any]:
    """One post of Reddit."""
    return {"kind": "t3", "data": {
        "name": f"t3_{number}", "permalink": f"/r/rivers/comments/{number}/x/", "selftext": text, "title": "A river",
        "author": "ada", "created_utc": 1700000000.0, "subreddit": "rivers", "score": 1, "over_18": False,
        "url": "https://www.reddit.com/x", "link_flair_text": "Text",
    }}  # fmt: skip


def listing(after: str | None, *things: dict[str, Any]) -> dict[str, Any]:
    """A Listing."""
    return {"kind": "Listing", "data": {"after": after, "dist": len(things), "children": list(things), "before": None}}


REDDIT = Script(
    preset="reddit", late=0, entry={"query": "rivers"}, replies=[
        Reply("/r/rivers/new.json", listing(None, thing(1, ZH), thing(0, "[removed]")), {"after": "t3_2"}),
        Reply("/r/rivers/new.json", listing("t3_2", thing(3, EN), thing(2, ""))),
    ],
    expected={"https://www.reddit.com/r/rivers/comments/1/x/": ZH, "https://www.reddit.com/r/rivers/comments/3/x/": EN},
    broken={"https://www.reddit.com/r/rivers/comments/2/x/": "no text at data.selftext"},
    columns={"title": "A river", "given_label": "Text", "published_at": "1700000000.0"},
)  # fmt: skip


def question(number: int, body: str | None) -> dict[str, Any]:
    """One question of StackExchange."""
    return {
        "question_id": number, "link": f"https://stackoverflow.com/questions/{number}/x", "title": "Rivers &amp; hills",
        "tags": ["river"], "creation_date": 1700000000, "last_activity_date": 1700000000 + number, "score": 2,
        "content_license": "CC BY-SA 4.0", "owner": {"display_name": "Ada", "user_id": 1},
    } | ({"body": body} if body else {})  # fmt: skip


def wrapper(more: bool, *items: dict[str, Any]) -> dict[str, Any]:
    """The common wrapper."""
    return {"items": list(items), "has_more": more, "quota_max": 300, "quota_remaining": 200}


SO = "https://stackoverflow.com/questions"
STACKEXCHANGE = Script(
    preset="stackexchange", licence="CC BY-SA 4.0", entry={"query": "river"}, base="/2.3", replies=[
        Reply("/2.3/questions", wrapper(True, question(1, f"<p>{EN}</p>"), question(2, None)) | {"backoff": 11},
              {"page": "1", "site": "stackoverflow", "tagged": "river"}),
        Reply("/2.3/questions", wrapper(False, question(3, f"<p>{ZH}</p>")), {"page": "2"}),
    ],
    expected={f"{SO}/1/x": f"<p>{EN}</p>", f"{SO}/3/x": f"<p>{ZH}</p>"},
    broken={f"{SO}/2/x": "no text at body"}, mime="text/html",
    columns={"title": "Rivers & hills", "author": "Ada", "published_at": "1700000000"},
)  # fmt: skip


def issue(number: int, body: str | None) -> dict[str, Any]:
    """One issue of GitHub."""
    return {
        "id": number, "number": number, "html_url": f"https://github.com/o/r/issues/{number}", "state": "open",
        "title": "It rains", "user": {"login": "ada"}, "labels": [{"name": "bug"}], "comments": 0, "body": body,
        "created_at": "2024-01-01T00:00:00Z", "updated_at": f"2024-01-0{number}T00:00:00Z",
    }  # fmt: skip


QUERY = {"state": "all", "sort": "updated"}
GITHUB = Script(
    preset="github", late=0, entry={"query": "o/r"}, replies=[
        Reply("/repositories/5/issues", [issue(3, ZH)], {"page": "2"}),
        Reply("/repos/o/r/issues", [issue(1, EN), issue(2, None)], QUERY, {
            "Link": '<BASE/repositories/5/issues?state=all&page=2>; rel="next", <BASE/x?page=9>; rel="last"',
            "X-RateLimit-Remaining": "59", "X-RateLimit-Reset": "1700000000"}),
    ],
    expected={"https://github.com/o/r/issues/1": EN, "https://github.com/o/r/issues/3": ZH}, mime="text/markdown",
    broken={"https://github.com/o/r/issues/2": "no text at body"}, columns={"given_label": "open", "author": "ada"},
)  # fmt: skip


def readme(name: str, content: str) -> dict[str, Any]:
    """A README of GitHub."""
    url = f"https://github.com/{name}/blob/main/README.md"
    return {
        "name": "README.md",
        "path": "README.md",
        "sha": "ab",
        "html_url": url,
        "encoding": "base64",
        "content": content,
    }


def packed(text: str) -> str:
    """base64 in lines, as GitHub writes it."""
    return base64.encodebytes(text.encode()).decode()


REPOS = "/search/repositories"
GITHUB_READMES = Script(
    preset="github-readmes", late=0, entry={"query": "license:mit"}, replies=[
        Reply(REPOS, {"total_count": 3, "items": [{"full_name": "o/zh"}]}, {"page": "2"}),
        Reply(REPOS, {"total_count": 3, "items": [{"full_name": "o/en"}, {"full_name": "o/bad"}]}, {"q": "license:mit"},
              {"Link": f'<BASE{REPOS}?q=license%3Amit&page=2>; rel="next"'}),
        Reply("/repos/o/en/readme", readme("o/en", packed(EN))),
        Reply("/repos/o/zh/readme", readme("o/zh", packed(ZH))),
        Reply("/repos/o/bad/readme", readme("o/bad", "!!!")),
    ],
    expected={"https://github.com/o/en/blob/main/README.md": EN, "https://github.com/o/zh/blob/main/README.md": ZH},
    broken={"https://github.com/o/bad/blob/main/README.md": ""}, mime="text/markdown", columns={"title": "o/en"},
)  # fmt: skip

SOCIAL = (
    WIKIPEDIA, WIKIPEDIA_HTML, MASTODON, BLUESKY, BLUESKY_SEARCH, HACKERNEWS, HACKERNEWS_SEARCH, REDDIT, STACKEXCHANGE,
    GITHUB, GITHUB_READMES,
)  # fmt: skip
