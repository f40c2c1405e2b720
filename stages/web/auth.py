"""What params.yaml says of a secret: which environment variable holds it, and how it is sent; never the secret."""

from __future__ import annotations

import re
from dataclasses import dataclass

ENV_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")  # capitals only: a secret written here by mistake has others
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """A secret by reference: the environment variable `env`, sent as the `header` or the `query` parameter of a name.

    `prefix` stands before the value in a header: `auth: {header: Authorization, prefix: "Bearer ", env: MY_TOKEN}`.
    """

    env: str
    header: str | None = None
    query: str | None = None
    prefix: str = ""

    def __post_init__(self) -> None:
        if not ENV_NAME.fullmatch(self.env):
            raise ValueError("`auth.env` must name an environment variable in capitals, never hold the secret itself")
        if bool(self.header) == bool(self.query):
            raise ValueError("`auth` needs exactly one of `header` and `query`: how the secret is sent")
        if self.header and not HEADER_NAME.fullmatch(self.header):
            raise ValueError(f"`auth.header` is {self.header!r}, which is not the name of a header")
        if self.prefix and (self.query or not self.prefix.isprintable() or not self.prefix.isascii()):
            raise ValueError("`auth.prefix` stands before the secret in a header, in printable ASCII")
