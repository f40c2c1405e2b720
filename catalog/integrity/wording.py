"""Wording: what a remote answers, in one line, with what helps where its words are known."""

from __future__ import annotations

CLOCK = "the clock of this machine is wrong: `timedatectl` shows it"
ROOM = "make room on its disk first"
ALLOWED = "see that you may do this there"
SECRET = "its secret is wrong: `gristmill share --secret KEY` asks for it again"
HINTS = {
    "RequestTimeTooSkewed": CLOCK, "difference between the request time": CLOCK,
    "SignatureDoesNotMatch": SECRET, "signature we calculated does not match": SECRET, "Not Authorized": SECRET,
    "No space left": ROOM, "Insufficient Storage": ROOM, "507": ROOM, "Disk quota": ROOM,
    "SFTPFailure: Failure": "the server gives no reason: see that its disk has room",
    "Permission denied": ALLOWED, "Forbidden": ALLOWED, "Access Denied": ALLOWED,
}  # fmt: skip


def said(error: BaseException) -> str:
    """An error of any kind of remote."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    hint = next((hint for sign, hint in HINTS.items() if sign in text), "")
    return f"{text} ({hint})" if hint else text
