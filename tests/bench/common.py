"""What the benches share: building what is measured, running it, tables, and what /proc says."""

import contextlib
import json
import os
import pathlib
import resource
import signal
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
BUILD = TOP / "build-bench"
DAEMONS = ("prontod", "prontod-egress", "prontod-runner")
TICKS = os.sysconf("SC_CLK_TCK")
ONLY_RATIOS = "Absolute numbers are of this machine at this time: only the ratios mean anything."


def say(*words):
    print(*words, flush=True)


def prepare(build_dir, benches, more=()):
    """Builds the daemons and so many programs of this folder, makes the modules of tests/integration known, and ends cleanly on SIGTERM.
    Returns the build folder."""
    folder = build_dir.resolve()
    if not folder.joinpath("build.ninja").exists():
        subprocess.run(["meson", "setup", folder, TOP, "-Dbuildtype=release"], check=True, stdout=subprocess.DEVNULL)
    programs = [f"daemon/{name}" for name in DAEMONS] + [f"tests/bench/bench-{name}" for name in benches]
    done = subprocess.run(["ninja", "-C", folder, *programs, *more], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)
    os.environ["PRONTO_BUILD"] = str(folder)
    sys.path.append(str(TOP / "tests" / "integration"))
    sys.stdout.reconfigure(line_buffering=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # removes what there is
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return folder


def run_json(program, *words, **settings):
    """What it prints."""
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=False, **settings)
    if done.returncode != 0:
        sys.exit(f"{pathlib.Path(program).name} {words}: {done.returncode} {done.stderr}")
    return json.loads(done.stdout)


def fill_database(build, folder, size):
    """A database of so many pending requests, made once in the folder."""
    file = folder / f"{size}.db"
    if not file.exists():
        say(f"making a database with {size:,} pending requests")
        subprocess.run([build / "tests/bench/bench-fill", file, str(size)], check=True)
    return file


def copy_database(file, place):
    subprocess.run(["cp", "--reflink=auto", file, place], check=True)
    subprocess.run(["sync", place], check=True)


# Text


def spread(values, digits=2):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def table(title, header, rows, **numbers):
    """@numbers: by name, what goals are held against."""
    return {"title": title, "header": header, "rows": rows, "numbers": numbers}


def print_table(one):
    widths = [max(len(str(cell)) for cell in column) for column in zip(one["header"], *one["rows"])]
    say("\n" + one["title"])
    for row in [one["header"], *one["rows"]]:
        say("  " + "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip())


def write_tables(file, tables):
    if file:
        file.write_text(json.dumps(tables, indent=1) + "\n", encoding="utf-8")


# Processes


def field(pid, file, name):
    """In KiB; None when it may not be read: the programs are not dumpable."""
    with contextlib.suppress(OSError):
        for line in pathlib.Path(f"/proc/{pid}/{file}").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
    return None


def children(pid):
    """Of all its threads."""
    found = []
    with contextlib.suppress(OSError):
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                found += map(int, (task / "children").read_text(encoding="ascii").split())
    return found


def stat_times(path):
    """user and system, and the same of children that were waited for, in ticks."""
    text = pathlib.Path(path).read_text(encoding="utf-8", errors="replace")
    return [int(one) for one in text[text.rindex(")") + 2:].split()[11:15]]
