"""The fault tests use the harness of the integration tests, and a disk that fails or stands still."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
pytest.register_assert_rewrite("harness", "fixtures", "pour")

import harness  # noqa: E402 pylint: disable=wrong-import-position
from fixtures import *  # noqa: E402,F401,F403 pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position

STRACE = shutil.which("strace")


@pytest.fixture(name="inject")
def make_inject(tmp_path):
    """Attaches strace with a fault to the daemon's calls that sync; gives a function that detaches it. Its `reached` says whether
    there was such a call, also while it lasts."""
    if os.geteuid() != 0 or STRACE is None or subprocess.run([STRACE, "-o", tmp_path / "try", "true"], check=False,
                                                             capture_output=True).returncode:
        pytest.skip("strace cannot be used here")
    attached = []

    def inject(prontod, fault):
        out = tmp_path / f"trace-{len(attached)}"
        process = subprocess.Popen([STRACE, "-f", "-o", out, "-e", "trace=fdatasync,fsync", "-e", f"inject=fdatasync,fsync:{fault}",
                                    "-p", str(prontod.process.pid)], stderr=subprocess.PIPE, text=True)
        attached.append(process)
        seen = ""
        while "attached" not in seen:
            line = process.stderr.readline()
            assert line, "strace ended: " + seen
            seen += line

        def detach():
            process.terminate()
            process.communicate(timeout=harness.PATIENCE)
            assert any(word in out.read_text() for word in ("INJECTED", "DELAYED", "<detached")), "nothing was injected"

        detach.reached = lambda: "sync(" in out.read_text()
        return detach

    yield inject
    for process in attached:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=harness.PATIENCE)
