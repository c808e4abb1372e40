"""Hooks that have really ended: prontod against webhook(1).

webhook answers first, and then starts as many programs at once as it was asked for. Those for which it has no descriptors left never run,
and nobody is told but its log (-verbose). So it is made to log, and they are not counted as ended.
"""

import re
import statistics
import time

from common import DAEMONS, TICKS, TOP, children, field, run_json, spread, stat_times, table
from contestants import run_webhook

LOOKS = 30  # without a child, until webhook counts as done: between two starts there may be none for a moment
CONNECTIONS = 64
NAMES = ("prontod", "webhook")


def default_concurrency():
    """Of an exec hook. tests/lint holds the file against the program."""
    return re.search(r"^\[hook\b.*?^#?concurrency = (\d+)", (TOP / "conf/prontod.conf").read_text().replace("#[", "["), re.M | re.S)[1]


def used(pids):
    """Processor seconds of these and of their children that have ended."""
    return sum(sum(stat_times(f"/proc/{pid}/stat")) for pid in pids) / TICKS


def most(pids):
    """Resident memory at most, in KiB."""
    return sum(field(pid, "status", "VmHWM") or 0 for pid in pids)


def wait_childless(process):
    """When the last child was gone."""
    from harness import wait_until
    looks, since = 0, 0

    def childless():
        nonlocal looks, since
        if looks == 0:
            since = time.monotonic()
        looks = 0 if children(process.pid) else looks + 1
        return looks > LOOKS
    wait_until(childless, "the end of webhook's children", timeout=600)
    return since


def run_peer(bench, folder):
    """Loads it for the usual time; the number it was asked for is what prontod gets."""
    with open(folder / "log", "wb") as log, run_webhook(folder, True, log) as (process, port, path):
        before, began = used([process.pid]), time.monotonic()
        found = run_json(bench.path("load"), "--port", port, "--connections", CONNECTIONS, "--seconds", bench.arguments.seconds, "--path", path)
        seconds = wait_childless(process) - began
        cpu, memory = used([process.pid]) - before, most([process.pid])
    lost = (folder / "log").read_bytes().count(b"error occurred")
    return {"asked": found["ok"], "ended": found["ok"] - lost, "seconds": seconds, "cpu": cpu, "memory": memory}


def run_prontod(bench, count):
    """So many callbacks from as many connections, while the hook runs for those that are stored."""
    from harness import wait_until
    with bench.prontod(count, {"true": {"command": "/bin/true", "on": "finished"}}) as daemon:
        pids = [daemon.process.pid, *daemon.workers().values()]
        assert len(pids) == len(DAEMONS), pids

        def succeeded():
            hook = daemon.get("/v1/hooks")["items"][0]
            assert hook["dead"] == 0, hook
            return hook["succeeded"] == count
        before, began = used(pids), time.monotonic()
        found = run_json(bench.path("load"), "--port", daemon.port.number, "--connections", CONNECTIONS, "--seconds", 300,
                         "--first", 0, "--count", count)
        assert found["ok"] == count, found
        wait_until(succeeded, f"the end of {count} deliveries", timeout=600)
        seconds = time.monotonic() - began
        cpu, memory = used(pids) - before, most(pids)
    return {"asked": count, "ended": count, "seconds": seconds, "cpu": cpu, "memory": memory}


def measure_ended(bench, folder):
    found = {name: [] for name in NAMES}
    for _ in range(bench.arguments.rounds):
        found["webhook"].append(run_peer(bench, folder))
        found["prontod"].append(run_prontod(bench, found["webhook"][-1]["asked"]))
    rates = {name: [run["ended"] / run["seconds"] for run in runs] for name, runs in found.items()}
    ratios = [a / b for a, b in zip(rates["prontod"], rates["webhook"])]
    asked = [run["asked"] for run in found["webhook"]]

    def median(name, value):
        return statistics.median(value(run) for run in found[name])
    return table(f"Runs of /bin/true that have ended, a second, from the first callback to the last end ({min(asked):,} to {max(asked):,} callbacks "
                 f"from {CONNECTIONS} connections; prontod's hook has the default concurrency, {default_concurrency()}; lost: answered with 200, "
                 "and never run; processor time with /bin/true's, memory without, of all three processes of prontod)",
                 ["", "ratio", "runs/s", "lost", "processor ms/run", "resident at most, MiB"],
                 [[name, spread(ratios) if name == "prontod" else "1", f"{statistics.median(rates[name]):,.0f}",
                   f"{median(name, lambda run: 1 - run['ended'] / run['asked']):.1%}", f"{median(name, lambda run: 1000 * run['cpu'] / run['ended']):.2f}",
                   f"{median(name, lambda run: run['memory'] / 1024):.1f}"] for name in NAMES], ended=ratios)
