"""The gate that `serve` keeps shut while it migrates: the API imports its code meanwhile, and waits with using it."""

import os
from pathlib import Path

from soundgraph.adapters.embedded.locks import FileLock
from soundgraph.entrypoints.settings import GATE


def wait_at_gate() -> None:
    """Return once the schema is current. Without a supervisor there is no gate: then that is the operator's care."""
    path = os.environ.get(GATE)
    if path is not None:
        with FileLock(Path(path)).waiting(shared=True):
            return
