"""Digests: of bytes, of files, and of what a table says (its logical digest).

A file digest (sha256, and md5 because DVC names its objects so) identifies bytes. A logical digest identifies
rows: it hashes column names, logical types and values, so that a new Parquet writer changes files and not meaning.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import InputError

CHUNK = 1 << 20  # bytes read at a time


def canonical_json(value: Any) -> str:
    """One spelling per value: sorted keys, no spaces, no NaN, non-ASCII kept."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest_of(value: Any) -> str:
    """sha256 (hex) of the canonical JSON of `value`."""
    return sha256_of(canonical_json(value))


def sha256_of(text: str) -> str:
    """sha256 (hex) of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def document_id(uri: str) -> str:
    """The id of a document: first 32 hex digits of sha256 of its URI."""
    return sha256_of(uri)[:32]


def file_digests(path: Path) -> tuple[str, str]:
    """(sha256, md5) of a file, in hex, in one pass."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            sha256.update(chunk)
            md5.update(chunk)
    return sha256.hexdigest(), md5.hexdigest()


def file_sha256(path: Path) -> str:
    """sha256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_pin(path: Path, sha256: str, parameter: str, remedy: str = "put it there") -> None:
    """Errors: InputError where a file that `parameter` (`stage.name`) pins is missing, or is another one.

    `remedy` is how to come by a missing one.
    """
    again = f"then `dvc repro {parameter.partition('.')[0]}`"
    if not path.is_file():
        raise InputError(f"{parameter}: {path} is missing; {remedy} or correct params.yaml, {again}")
    if (found := file_sha256(path)) != sha256:
        raise InputError(f"{parameter}: the sha256 of {path} is {found}, not {sha256}; correct params.yaml, {again}")


def logical_digest(table: pa.Table) -> str:
    """sha256 over names, types, null positions and values of every column, in column order.

    Independent of chunking, offsets, what lies under nulls, dictionary encoding and 32- or 64-bit string offsets.
    """
    digest = hashlib.sha256(f"rows:{table.num_rows}".encode())
    for name in table.column_names:
        column = table.column(name).combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
        digest.update(f"\0column:{name}:".encode())
        _update(digest, column)
    return digest.hexdigest()


def _update(digest: Any, array: pa.Array) -> None:
    """Feed one array: its type, where it is null, then its values with nulls as zero or empty."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = _kind(array.type)
    digest.update(f"{kind}:{len(array)}:".encode())
    digest.update(_packed(pc.is_valid(array)))
    if kind in ("string", "binary"):
        _update_bytes(digest, array)
    elif kind == "list":
        lengths = pc.fill_null(pc.list_value_length(array), 0)
        digest.update(_raw(lengths.cast(pa.int64())))
        _update(digest, pc.list_flatten(array))
    elif kind == "bool":
        digest.update(_packed(pc.fill_null(array, False)))
    elif kind == "struct":
        for field, child in zip(array.type, array.flatten(), strict=True):
            digest.update(f"\0field:{field.name}:".encode())
            _update(digest, child)
    elif kind.startswith("fixed_size_binary"):
        _update_bytes(digest, array.cast(pa.binary()))
    elif kind != "null":
        digest.update(_raw(pc.fill_null(array, pa.scalar(0).cast(array.type)) if array.null_count else array))


def _kind(kind: pa.DataType) -> str:
    """Name of a type, the same for its 32- and 64-bit forms."""
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "string"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return "binary"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return "list"
    return "struct" if pa.types.is_struct(kind) else str(kind)


def _update_bytes(digest: Any, array: pa.Array) -> None:
    """Feed lengths, then the joined values, of a string or binary array."""
    large = array.cast(pa.large_binary())
    if large.null_count:
        large = pc.fill_null(large, b"")
    offsets = np.frombuffer(large.buffers()[1], np.int64)[large.offset : large.offset + len(large) + 1]
    digest.update(np.diff(offsets).astype("<i8").tobytes())
    if len(large) and large.buffers()[2] is not None:
        digest.update(memoryview(large.buffers()[2])[offsets[0] : offsets[-1]])


def _raw(array: pa.Array) -> bytes:
    """Bytes of the values of a fixed-width array without nulls, offset removed."""
    width = array.type.bit_width // 8
    start = array.offset * width
    return memoryview(array.buffers()[1])[start : start + len(array) * width].tobytes() if len(array) else b""


def _packed(array: pa.Array) -> bytes:
    """A boolean array as packed bits."""
    return np.packbits(array.to_numpy(zero_copy_only=False).astype(bool)).tobytes()
