"""An S3 that verifies signatures and POST policies: versitygw, on a loopback port of its own."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import boto3
import httpx
import pytest
from botocore.config import Config
from tests.ports import free_port

from soundgraph.adapters.s3.signing import Bucket

VERSION = "v1.7.0"
PACKAGE = f"github.com/versity/versitygw/cmd/versitygw@{VERSION}"
CACHE = Path(__file__).parents[1] / ".cache" / f"versitygw-{VERSION}"
BUILD_SECONDS, START_SECONDS = 900, 20.0
ACCESS_KEY, SECRET_KEY, REGION = "soundgraph", "a secret of these tests", "us-east-1"


class S3Server:
    """One server on a loopback port, which can be stopped and started again."""

    def __init__(self, program: Path, directory: Path) -> None:
        self._program, self._directory = program, directory
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        for name in ("meta", "root"):
            (directory / name).mkdir(exist_ok=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Run it. Returns once it listens."""
        here = self._directory
        options = ["--port", f"127.0.0.1:{self.port}", "--region", REGION, "--health", "/health", "--quiet"]
        backend = ["posix", "--sidecar", str(here / "meta"), str(here / "root")]
        keys = {"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY}
        with (here / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self._program, *options, *backend], env=os.environ | keys, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{self.url}/health", timeout=1).raise_for_status()
            except httpx.HTTPError:
                assert self.process.poll() is None, (here / "log").read_text()
                time.sleep(0.02)
            else:
                return
        raise TimeoutError("versitygw does not answer")

    def stop(self) -> None:
        """End it, if it runs. What it stored stays."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=10)
            self.process = None


def versitygw_program() -> Path:
    """The server, built once. Skips the test where it cannot be, and fails it in CI."""
    found = shutil.which("versitygw")
    if found:
        return Path(found)
    program = CACHE / "versitygw"
    if program.exists():
        return program
    missing = "There is no Go toolchain on the PATH to build versitygw with, nor versitygw itself."
    if shutil.which("go"):
        drafts = CACHE / f"draft-{os.getpid()}"
        drafts.mkdir(parents=True)
        built = subprocess.run(
            ["go", "install", PACKAGE],
            env=os.environ | {"GOBIN": str(drafts)},
            capture_output=True,
            text=True,
            check=False,
            timeout=BUILD_SECONDS,
        )
        if built.returncode == 0:
            # Several runs may build at once: whoever is last replaces the same by the same.
            (drafts / "versitygw").replace(program)
            return program
        missing = f"versitygw could not be built: {built.stderr[-500:]}"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


@dataclass(frozen=True, slots=True)
class Storage:
    """A server that is running, and who may use it."""

    url: str
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY

    def bucket(self) -> Bucket:
        """A fresh one."""
        made = Bucket(self.url, f"test-{uuid4()}", REGION, self.access_key, self.secret_key)
        client = boto_client(made)
        client.create_bucket(Bucket=made.name)
        client.close()
        return made


def boto_client(bucket: Bucket) -> "boto3.client":
    """What everybody else reaches a bucket with."""
    return boto3.client(
        "s3",
        endpoint_url=bucket.endpoint_url,
        region_name=bucket.region,
        aws_access_key_id=bucket.access_key,
        aws_secret_access_key=bucket.secret_key,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
        ),
    )


@pytest.fixture(scope="session")
def s3_storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    """A storage for this run, or the one of SOUNDGRAPH_TEST_S3_URL: http://access-key:secret-key@host:port."""
    given = os.environ.get("SOUNDGRAPH_TEST_S3_URL")
    if given:
        parts = urlsplit(given)
        place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        yield Storage(place, parts.username or ACCESS_KEY, parts.password or SECRET_KEY)
        return
    server = S3Server(versitygw_program(), tmp_path_factory.mktemp("s3"))
    server.start()
    yield Storage(server.url)
    server.stop()


@pytest.fixture
def s3_server(tmp_path: Path) -> Iterator[S3Server]:
    """A storage of one test, which may stop and start it."""
    (tmp_path / "s3").mkdir()
    server = S3Server(versitygw_program(), tmp_path / "s3")
    server.start()
    yield server
    server.stop()
