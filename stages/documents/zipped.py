"""A zip file in memory, read within bounds: so many members, so many bytes of all that is unpacked.

Nothing is written to disk, and a name is only ever compared. Only stored and deflated members are read: the other
methods cannot be unpacked piece by piece.
"""

from __future__ import annotations

import io
import zipfile
import zlib

from stages.documents.reading import UnreadableError

ENCRYPTED = 0x1  # general purpose flag
PIECE = 1 << 16  # bytes
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Zipped:
    """Members by name. Errors of every method: UnreadableError."""

    def __init__(self, body: bytes, *, max_members: int, max_unpacked_bytes: int) -> None:
        try:
            self._file = zipfile.ZipFile(io.BytesIO(body))
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
            raise UnreadableError(f"not a readable zip file: {error}") from None
        members = len(self._file.infolist())
        if members > max_members:
            raise UnreadableError(f"zip bomb: {members} members, more than max_members {max_members}")
        self._most = self._left = max_unpacked_bytes
        self.names = frozenset(self._file.namelist())

    def read(self, name: str) -> bytes:
        """The bytes of a member."""
        try:
            info = self._file.getinfo(name)
            if info.flag_bits & ENCRYPTED:
                raise UnreadableError("encrypted")
            if info.compress_type not in METHODS:
                raise UnreadableError(f"the member {name} is packed by method {info.compress_type}")
            return b"".join(self._pieces(info))
        except KeyError:
            raise UnreadableError(f"the member {name} is missing") from None
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
            raise UnreadableError(f"the member {name} is broken: {error}") from None

    def _pieces(self, info: zipfile.ZipInfo) -> list[bytes]:
        pieces = []
        with self._file.open(info) as stream:
            while piece := stream.read(PIECE):
                self._left -= len(piece)
                if self._left < 0:
                    raise UnreadableError(f"zip bomb: it unpacks to more than max_unpacked_bytes {self._most}")
                pieces.append(piece)
        return pieces
