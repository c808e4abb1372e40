"""Hook programs that record what they were given."""

import dataclasses
import json
import os
import pathlib

RECORD = """#!/bin/sh
d="{runs}/$PRONTO_DELIVERY_ID-$PRONTO_ATTEMPT-$$"
mkdir "$d.new" && cat /proc/$$/environ >"$d.new/environ" && cat /proc/$$/cmdline >"$d.new/argv" && cat >"$d.new/stdin"
mv "$d.new" "$d.run"
{then}
"""


@dataclasses.dataclass
class Run:
    """One run of a hook: its standard input, environment and arguments."""

    stdin: bytes
    environ: dict
    argv: list
    when: int

    @property
    def document(self):
        return json.loads(self.stdin)


class Hook:
    """A shell script with a directory of records, each of which appears whole, by a rename."""

    def __init__(self, directory, name, wait_until, then=""):
        self.wait_until = wait_until
        self.path = pathlib.Path(directory) / f"{name}.hook"
        self.records = pathlib.Path(directory) / f"{name}.runs"
        self.records.mkdir()
        self.write(then)

    def write(self, then="", whole=None):
        """Replaces the program; `whole` is all of its text."""
        new = self.path.with_suffix(".tmp")
        new.write_text(whole or RECORD.format(runs=self.records, then=then))
        new.chmod(0o755)
        os.replace(new, self.path)

    def runs(self, event=None):
        found = []
        for record in self.records.glob("*.run"):
            variables = (record / "environ").read_bytes().rstrip(b"\0").split(b"\0")
            environ = dict(os.fsdecode(one).split("=", 1) for one in variables)
            argv = [os.fsdecode(one) for one in (record / "argv").read_bytes().split(b"\0")[:-1]]
            found.append(Run((record / "stdin").read_bytes(), environ, argv, record.stat().st_mtime_ns))
        found.sort(key=lambda run: (run.when, run.environ.get("PRONTO_ATTEMPT")))
        return [run for run in found if event is None or run.environ["PRONTO_EVENT"] == event]

    def count(self):
        return sum(1 for _ in self.records.glob("*.run"))

    def wait(self, number=1):
        """At least so many runs."""
        self.wait_until(lambda: self.count() >= number, f"{number} runs of {self.path.stem}")
        return self.runs()
