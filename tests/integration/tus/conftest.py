"""tus-js-client from npm, as the lock file has it, and the product that it uploads to."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.product import Served
from tests.ports import free_port
from tests.s3_servers import Storage

HERE = Path(__file__).parent
INSTALL_SECONDS, UPLOAD_SECONDS = 300, 120
Client = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def client() -> Client:
    """Runs one upload in Node.js. Skips the test where that is missing, and fails it in CI."""
    if not (shutil.which("node") and shutil.which("npm")):
        missing = "There is no Node.js with npm on the PATH to run tus-js-client in."
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    lock = (HERE / "package-lock.json").read_bytes()
    place = HERE.parents[2] / ".cache" / f"tus-{hashlib.sha256(lock).hexdigest()[:12]}"
    if not (place / "complete").exists():
        place.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, place)
        done = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund"],
            cwd=place,
            capture_output=True,
            text=True,
            check=False,
            timeout=INSTALL_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        (place / "complete").touch()
    # Beside node_modules, where Node.js looks for what it imports.
    script = place / "client.mjs"
    shutil.copy(HERE / "client.mjs", script)

    def upload(**job: Any) -> dict[str, Any]:
        done = subprocess.run(
            ["node", str(script), json.dumps(job)],
            capture_output=True,
            text=True,
            check=False,
            timeout=UPLOAD_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return said

    return upload


@pytest.fixture(scope="session", params=["filesystem", "s3"])
def product(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`soundgraph serve` on a directory, and on a bucket."""
    settings: dict[str, str] = {}
    if request.param == "s3":
        storage: Storage = request.getfixturevalue("s3_storage")
        bucket = storage.bucket()
        settings = {
            "s3_bucket": bucket.name,
            "s3_access_key": bucket.access_key,
            "s3_secret_key": bucket.secret_key,
            "s3_endpoint_url": bucket.endpoint_url,
        }
    home = tmp_path_factory.mktemp(f"served_{request.param}") / "home"
    with closing(Served(home, free_port(), **settings)) as served:
        served.wait_ready()
        yield served
