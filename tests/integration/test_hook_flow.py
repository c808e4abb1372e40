"""How fast hooks go: rate, places, turns, the circuit breaker, pausing by hand."""

import os
import signal
import uuid

import pytest

import harness
from harness import wait_until

SECRET = "secret-" + uuid.uuid4().hex
QUICK = {"backoff": "50ms 200ms"}


@pytest.fixture(name="prontod")
def make_prontod_for_hooks(new_prontod):
    """Not started yet."""
    return new_prontod(secrets=[SECRET])


def finish(prontod):
    one = str(uuid.uuid4())
    registered = prontod.register(one)
    assert prontod.call_back(SECRET, harness.result(one)) == "matched"
    return registered["id"]


def hook_of(prontod, name="crm"):
    return next(one for one in prontod.get("/v1/hooks")["items"] if one["name"] == name)


def wait_hook(prontod, name="crm", **members):
    return wait_until(lambda: (one := hook_of(prontod, name)) and all(one[key] == value for key, value in members.items()) and one,
                      f"{name} with {members}")


def wait_file(path):
    return f'while [ ! -e "{path}" ]; do sleep 0.02; done'


# Places

def test_no_more_than_concurrency_of_all_run_at_a_time(prontod):
    prontod.config["delivery"] = {"concurrency": 3}
    folder, gate, counts = (prontod.directory / name for name in ("active", "gate", "counts"))
    folder.mkdir()
    then = f'mkdir "{folder}/$$"; ls "{folder}" | wc -l >>"{counts}"; {wait_file(gate)}; rmdir "{folder}/$$"'
    for name in ("one", "two"):
        prontod.hook(name, then=then, concurrency=4)
    prontod.start()
    for _ in range(5):
        finish(prontod)
    wait_until(lambda: len(os.listdir(folder)) == 3)
    assert len(prontod.items("/v1/deliveries?state=running")) == 3
    gate.touch()
    wait_hook(prontod, "one", succeeded=5)
    wait_hook(prontod, "two", succeeded=5)
    numbers = [int(text) for text in counts.read_text().split()]
    assert len(numbers) == 10 and max(numbers) == 3


def test_a_slow_hook_never_starves_another(prontod):
    """It would take both places if it were let, since it is the first that has something to do."""
    prontod.config["delivery"] = {"concurrency": 2}
    gate, go = prontod.directory / "gate", prontod.directory / "go"
    slow = prontod.hook("slow", then=wait_file(gate))
    fast = prontod.hook("fast", then=wait_file(go))
    prontod.start()
    prontod.post("/v1/hooks/fast/pause")
    for _ in range(4):
        finish(prontod)
    slow.wait(1)
    prontod.post("/v1/hooks/fast/resume")
    fast.wait(1)
    go.touch()
    wait_hook(prontod, "fast", succeeded=4)
    assert slow.count() == 1 and hook_of(prontod, "slow")["running"] == 1
    gate.touch()
    wait_hook(prontod, "slow", succeeded=4)


def test_hooks_take_turns_when_there_is_one_place_for_all(prontod):
    prontod.config["delivery"] = {"concurrency": 1}
    order = prontod.directory / "order"
    for name in ("one", "two", "three"):
        prontod.hook(name, then=f"echo {name} >>{order}")
    prontod.start()
    for name in ("one", "two", "three"):
        prontod.post(f"/v1/hooks/{name}/pause")
    for _ in range(6):
        finish(prontod)
    for name in ("one", "two", "three"):
        prontod.post(f"/v1/hooks/{name}/resume")
    for name in ("one", "two", "three"):
        wait_hook(prontod, name, succeeded=6)
    lines = order.read_text().split()
    assert len(lines) == 18
    # The first may run before the second is resumed; from then on none is left behind.
    for name in ("one", "two", "three"):
        assert lines[:12].count(name) >= 2, lines


# Rate

def test_rate_is_held_after_a_burst_of_one_second(prontod):
    crm = prontod.hook("crm", rate=5, concurrency=20)
    prontod.start()
    prontod.post("/v1/hooks/crm/pause")
    for _ in range(15):
        finish(prontod)
    prontod.post("/v1/hooks/crm/resume")
    wait_hook(prontod, succeeded=15)
    starts = sorted(run.when for run in crm.runs())
    # Ten runs beyond the burst of five take two seconds at least; the upper end is the machine's affair.
    assert starts[-1] - starts[0] >= 1_500_000_000, starts
    # After the first full second no window of one second has more than its rate and what it may save.
    assert all(starts[i + 10] - starts[i] >= 700_000_000 for i in range(5)), starts


def test_rate_goes_on_while_a_run_takes_long(prontod):
    """The second run is not held up until the first one ends."""
    gate = prontod.directory / "gate"
    crm = prontod.hook("crm", then=wait_file(gate), rate=1, concurrency=4)
    prontod.start()
    for _ in range(2):
        finish(prontod)
    crm.wait(2)
    gate.touch()
    wait_hook(prontod, succeeded=2)


# The circuit breaker

def test_a_hook_that_fails_again_and_again_is_tripped(prontod):
    crm = prontod.hook("crm", then="exit 1", trip_after=3, concurrency=1, backoff="1h 1h")
    other = prontod.hook("other")
    prontod.start()
    requests = [finish(prontod) for _ in range(6)]
    tripped = wait_hook(prontod, state="tripped", running=0)
    assert "3 attempts in a row failed" in tripped["error"] and "ended with 1" in tripped["error"]
    assert tripped["retry_at"] is not None
    assert (tripped["retrying"], tripped["queued"]) == (3, 3)
    other.wait(6)
    assert crm.count() == 3
    assert hook_of(prontod)["queued"] == 3, "what waits uses up no attempt"
    assert prontod.log().count("hook is tripped") == 1
    waiting = prontod.items("/v1/deliveries?hook=crm&state=queued")
    assert all(prontod.get(f"/v1/deliveries/{one['id']}")["attempts"] == [] for one in waiting)
    assert len(requests) == 6
    # A reload probes at once, and one success lets all go on.
    crm.write()
    prontod.reload()
    wait_hook(prontod, state="ok", queued=0, succeeded=3, error=None, retry_at=None)
    assert prontod.log().count("hook succeeds again") == 1


def test_a_probe_closes_it_by_itself(prontod):
    crm = prontod.hook("crm", then="exit 1", trip_after=2, concurrency=4, backoff="100ms 100ms")
    prontod.start()
    for _ in range(4):
        finish(prontod)
    wait_until(lambda: "hook is tripped" in prontod.log(), "the hook trips")
    crm.write()
    wait_hook(prontod, state="ok", succeeded=4)
    assert prontod.log().count("hook is tripped") == 1
    assert prontod.log().count("hook succeeds again") == 1


def test_one_probe_at_a_time(prontod):
    """While it is tripped, runs do not overlap."""
    folder, counts = prontod.directory / "active", prontod.directory / "counts"
    folder.mkdir()
    then = f'mkdir "{folder}/$$"; ls "{folder}" | wc -l >>"{counts}"; rmdir "{folder}/$$"; exit 1'
    crm = prontod.hook("crm", then=then, trip_after=1, concurrency=1, backoff="20ms 20ms")
    prontod.start()
    finish(prontod)
    wait_hook(prontod, state="tripped")
    prontod.config["hook crm"]["concurrency"] = 8
    prontod.reload()
    for _ in range(8):
        finish(prontod)
    crm.wait(5)
    assert set(counts.read_text().split()) == {"1"}
    assert prontod.log().count("hook is tripped") == 1


def test_exit_65_does_not_trip(prontod):
    prontod.hook("crm", then="exit 65", trip_after=2)
    prontod.start()
    for _ in range(6):
        finish(prontod)
    assert wait_hook(prontod, dead=6)["state"] == "ok"


def test_a_success_between_starts_the_count_anew(prontod):
    prontod.hook("crm", then='[ "$PRONTO_ATTEMPT" -ge 2 ] || exit 1', trip_after=2, concurrency=1, backoff="10ms 10ms")
    prontod.start()
    for done in range(1, 6):
        finish(prontod)
        assert wait_hook(prontod, succeeded=done)["state"] == "ok"
    assert "tripped" not in prontod.log()


@pytest.mark.parametrize("then, how", [("kill -KILL $$", "killed by signal 9"), ("sleep 1000", "timed out")])
def test_signals_and_time_outs_trip(prontod, then, how):
    prontod.hook("crm", then=then, trip_after=1, timeout="200ms", kill_after="100ms", backoff="1h 1h")
    prontod.start()
    finish(prontod)
    assert how in wait_hook(prontod, state="tripped")["error"]


def test_zero_never_trips(prontod):
    prontod.hook("crm", then="exit 1", trip_after=0, max_attempts=15, backoff="10ms 10ms")
    prontod.start()
    finish(prontod)
    assert wait_hook(prontod, dead=1)["state"] == "ok"


# Pausing by hand

def test_a_paused_hook_starts_nothing_and_what_runs_ends(prontod):
    gate = prontod.directory / "gate"
    crm = prontod.hook("crm", then=wait_file(gate), concurrency=1)
    other = prontod.hook("other")
    prontod.start()
    finish(prontod)
    crm.wait(1)
    assert prontod.ctl_json("hook", "pause", "crm")["state"] == "paused"
    assert prontod.ctl_json("hook", "pause", "crm")["state"] == "paused"
    finish(prontod)
    gate.touch()
    wait_hook(prontod, succeeded=1)
    other.wait(2)
    paused = hook_of(prontod)
    assert (paused["state"], paused["queued"], paused["error"]) == ("paused", 1, None)
    prontod.restart()
    finish(prontod)
    other.wait(3)
    assert (hook_of(prontod)["state"], hook_of(prontod)["queued"]) == ("paused", 2)
    assert crm.count() == 1
    assert prontod.ctl_json("hook", "resume", "crm")["state"] == "ok"
    wait_hook(prontod, succeeded=3)


def test_a_hook_that_is_not_there_cannot_be_paused(prontod):
    prontod.hook("crm")
    prontod.start()
    prontod.ctl("hook", "pause", "nothing", status=6)
    prontod.ctl("hook", "stop", "crm", status=2)
    prontod.ctl("hook", "pause", status=2)


# Not the hook's fault

def test_a_killed_runner_trips_nothing(prontod):
    gate = prontod.directory / "gate"
    crm = prontod.hook("crm", then=wait_file(gate), trip_after=1)
    prontod.start()
    finish(prontod)
    crm.wait(1)
    os.kill(prontod.workers()["prontod-runner"], signal.SIGKILL)
    assert prontod.wait_end() != 0
    gate.touch()
    prontod.start()
    wait_hook(prontod, succeeded=1, state="ok")
    assert "tripped" not in prontod.log()
