"""The domain needs nothing but the standard library."""

import subprocess
import sys

PROBE = """
import pkgutil, sys
import soundgraph.domain
before = set(sys.modules)
for module in pkgutil.walk_packages(soundgraph.domain.__path__, "soundgraph.domain."):
    __import__(module.name)
print(*sorted(set(sys.modules) - before))
"""


def test_importing_the_domain_loads_nothing_from_outside() -> None:
    # A fresh interpreter that reads no PYTHON* variables and so starts as a stranger's would.
    done = subprocess.run([sys.executable, "-E", "-c", PROBE], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "soundgraph.domain.visibility" in loaded
    foreign = {
        name
        for name in loaded
        if name.partition(".")[0] not in sys.stdlib_module_names and not name.startswith("soundgraph.domain.")
    }
    assert foreign == set()
