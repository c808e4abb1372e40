"""What prontod and its workers may still do, when they are started without a service manager."""

import pathlib

from harness import wait_until


def statuses(pid):
    """/proc/PID/task/TID/status of each thread, as members."""
    for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
        yield dict(line.split(":\t", 1) for line in (thread / "status").read_text().splitlines() if ":\t" in line)


def test_all_threads_have_given_up_what_they_do_not_need(new_prontod):
    prontod = new_prontod().start()
    workers = prontod.workers()
    for pid in (prontod.process.pid, workers["prontod-egress"]):
        wait_until(lambda pid=pid: all(one["Seccomp"] == "2" for one in statuses(pid)), "a filter on each thread")
    for pid in (prontod.process.pid, *workers.values()):
        assert all(one["NoNewPrivs"] == "1" for one in statuses(pid))


def test_it_goes_on_with_its_filter(new_prontod, silent):
    """Reload, callbacks and hooks need nothing of what was given up."""
    prontod = new_prontod(silent.url)
    crm = prontod.hook("crm")
    prontod.start()
    prontod.reload()
    wait_until(lambda: "configuration reloaded" in prontod.log(), "the reload")
    found, token = prontod.submit(silent)
    assert prontod.call_back(token, {"enrichment_id": found["enrichment_id"], "email": "ada@example.com"}) == "matched"
    crm.wait(1)
