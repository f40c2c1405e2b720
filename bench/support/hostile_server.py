"""A server that misbehaves, over real sockets on loopback: bombs, endless and broken answers, redirects to where nobody
should go. bench/support/hostile.py measures what the fetch layer makes of it, tests/stages/web/test_hostile.py asserts
it.
"""

from __future__ import annotations

import asyncio
import datetime
import gzip
import ipaddress
import ssl
import tempfile
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

BOMB = 300 << 20  # bytes that a bomb holds
Behaviour = Callable[["Connection"], Awaitable[None]]


@dataclass(slots=True)
class Connection:
    """One accepted connection, its request read: what a behaviour answers with."""

    writer: asyncio.StreamWriter
    hostile: Hostile

    async def send(self, *parts: bytes) -> None:
        """Write and wait until the client takes it. Errors: OSError once it has gone."""
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()
            await asyncio.sleep(0)  # the client may run in this loop, and drain does not always yield

    async def page(self, *parts: bytes, headers: str = "") -> None:
        """An HTML page of `parts`, without a length."""
        await self.send(head(200, headers), *parts)


@dataclass(slots=True)
class Hostile:
    """The running server: its ports, and the requests that reached the port that must not be asked."""

    port: int
    tls_port: int
    silent_port: int
    forbidden_port: int
    reached: list[bytes]

    def url(self, behaviour: str) -> str:
        """Where a behaviour is met."""
        if behaviour == "bad_certificate":
            return f"https://127.0.0.1:{self.tls_port}/"
        if behaviour == "silent_handshake":
            return f"https://127.0.0.1:{self.silent_port}/"
        return f"http://127.0.0.1:{self.port}/{behaviour}"

    @property
    def ports(self) -> frozenset[int]:
        """The ports that a fetch may ask."""
        return frozenset((self.port, self.tls_port, self.silent_port))


def head(status: int, headers: str = "") -> bytes:
    """The head of an answer that ends with the connection."""
    return f"HTTP/1.1 {status} x\r\nContent-Type: text/html\r\nConnection: close\r\n{headers}\r\n".encode()


@cache
def gzip_of_zeros(size: int) -> bytes:
    """`size` zero bytes as gzip, quickly: one flushed mebibyte of deflate, repeated."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = deflate.compress(bytes(1 << 20)) + deflate.flush(zlib.Z_FULL_FLUSH)
    crc = 0
    for _ in range(size >> 20):
        crc = zlib.crc32(bytes(1 << 20), crc)
    end = crc.to_bytes(4, "little") + (size % (1 << 32)).to_bytes(4, "little")
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + block * (size >> 20) + b"\x03\0" + end


@cache
def brotli_of_zeros(size: int) -> bytes:
    """`size` zero bytes as brotli."""
    import brotli  # type: ignore[import-untyped]

    packer = brotli.Compressor(quality=1)
    return b"".join(packer.process(bytes(1 << 20)) for _ in range(size >> 20)) + bytes(packer.finish())


@cache
def zstd_of_zeros(size: int) -> bytes:
    """`size` zero bytes as zstd."""
    from backports import zstd

    packer = zstd.ZstdCompressor()
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()


async def gzip_bomb(to: Connection) -> None:
    """300 MiB in 300 KiB."""
    await to.page(gzip_of_zeros(BOMB), headers="Content-Encoding: gzip\r\n")


async def br_bomb(to: Connection) -> None:
    """300 MiB in less than 60 KiB."""
    await to.page(brotli_of_zeros(BOMB), headers="Content-Encoding: br\r\n")


async def zstd_bomb(to: Connection) -> None:
    """300 MiB in 10 KiB."""
    await to.page(zstd_of_zeros(BOMB), headers="Content-Encoding: zstd\r\n")


async def double_gzip(to: Connection) -> None:
    """A bomb packed again, declared in two headers."""
    await to.page(gzip.compress(gzip_of_zeros(BOMB)), headers="Content-Encoding: gzip\r\n" * 2)


async def endless_body(to: Connection) -> None:
    """As fast as it can, for ever."""
    await to.page()
    while True:
        await to.send(b"x" * 65536)


async def slow_body(to: Connection) -> None:
    """A byte a second."""
    await to.page()
    while True:
        await to.send(b"x")
        await asyncio.sleep(1)


async def slow_headers(to: Connection) -> None:
    """A header a second."""
    await to.send(b"HTTP/1.1 200 x\r\n")
    while True:
        await to.send(b"X-Slow: x\r\n")
        await asyncio.sleep(1)


async def header_bomb(to: Connection) -> None:
    """Headers without end."""
    await to.send(b"HTTP/1.1 200 x\r\n")
    while True:
        await to.send(b"X-Bomb: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n" * 1000)


async def huge_length(to: Connection) -> None:
    """Promises 10^14 bytes."""
    await to.page(b"x", headers=f"Content-Length: {10**14}\r\n")
    await asyncio.sleep(60)


async def truncated_body(to: Connection) -> None:
    """Promises 1,000 bytes, sends 4 and hangs up."""
    await to.page(b"text", headers="Content-Length: 1000\r\n")


async def redirect_loop(to: Connection) -> None:
    """Sends to itself."""
    await to.send(head(302, "Location: /redirect_loop\r\n"))


async def redirect_file(to: Connection) -> None:
    """Sends to a file of the machine that crawls."""
    await to.send(head(302, "Location: file:///etc/passwd\r\n"))


async def redirect_port(to: Connection) -> None:
    """Sends to another service of the machine that crawls."""
    await to.send(head(302, f"Location: http://127.0.0.1:{to.hostile.forbidden_port}/\r\n"))


async def length_and_chunks(to: Connection) -> None:
    """Gives two lengths, so that two readers see two answers (request smuggling)."""
    await to.page(b"4\r\ntext\r\n0\r\n\r\n", headers="Content-Length: 4\r\nTransfer-Encoding: chunked\r\n")


async def garbage(to: Connection) -> None:
    """Does not speak HTTP."""
    await to.send(b"SSH-2.0-OpenSSH_9.6\r\n" + bytes(range(256)) * 16)


async def harmless(to: Connection) -> None:
    """A page like any other; what a fetch must still get."""
    await to.page(b"<p>text")


ON_REQUEST: dict[str, Behaviour] = {
    one.__name__: one
    for one in (
        *(gzip_bomb, br_bomb, zstd_bomb, double_gzip, endless_body, slow_body, slow_headers, header_bomb, huge_length),
        *(truncated_body, redirect_loop, redirect_file, redirect_port, length_and_chunks, garbage, harmless),
    )
}


@asynccontextmanager
async def hostile_server() -> AsyncIterator[Hostile]:
    """Serve every behaviour until the context ends."""
    state = Hostile(0, 0, 0, 0, [])

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode().strip("/") or "harmless"
        await ON_REQUEST[path](Connection(writer, state))

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async def forbidden(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state.reached.append(await reader.readuntil(b"\r\n\r\n"))
        await harmless(Connection(writer, state))

    async with AsyncExitStack() as stack:
        state.port = await stack.enter_async_context(_listening(answer))
        state.tls_port = await stack.enter_async_context(_listening(answer, untrusted_tls()))
        state.silent_port = await stack.enter_async_context(_listening(silent))
        state.forbidden_port = await stack.enter_async_context(_listening(forbidden))
        yield state


@asynccontextmanager
async def _listening(
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """A port of 127.0.0.1 whose connections `handle` gets; all are cut when the context ends."""
    running: set[asyncio.Task[None] | None] = set()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.add(asyncio.current_task())
        try:
            await handle(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client has gone, as it should, or the server ends
        finally:
            writer.close()

    server = await asyncio.start_server(served, "127.0.0.1", 0, ssl=tls)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in filter(None, running):
            task.cancel()
        await asyncio.gather(*filter(None, running), return_exceptions=True)


def untrusted_tls() -> ssl.SSLContext:
    """A server's TLS with a certificate that it signed itself, made anew each time."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(today).not_valid_after(today + datetime.timedelta(days=1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "both.pem"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
        context.load_cert_chain(path)
    return context
