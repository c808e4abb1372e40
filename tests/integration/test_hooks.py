"""How hooks end, and what follows: done, again, dead, broken."""

import os
import uuid

import pytest

import harness
from harness import alive, wait_until

SECRET = "secret-" + uuid.uuid4().hex
QUICK = {"backoff": "50ms 200ms"}


@pytest.fixture(name="prontod")
def make_prontod_for_hooks(new_prontod):
    """Not started yet."""
    return new_prontod(secrets=[SECRET])


def finish(prontod, **fields):
    """A request with a result; its identifier."""
    one = str(uuid.uuid4())
    registered = prontod.register(one, **{name: value for name, value in fields.items() if name in ("enrichment_type", "custom")})
    body = harness.result(one) | {name: value for name, value in fields.items() if name != "enrichment_type"}
    assert prontod.call_back(SECRET, body) == "matched"
    return registered["id"]


def delivery_of(prontod, request_id, hook="crm"):
    """The delivery with its attempts."""
    found = [one for one in prontod.request(request_id)["deliveries"] if one["hook"] == hook]
    assert len(found) == 1
    return prontod.get(f"/v1/deliveries/{found[0]['id']}")


def wait_delivery(prontod, request_id, *states, hook="crm"):
    return wait_until(lambda: (one := delivery_of(prontod, request_id, hook))["state"] in states and one, f"the state {states}")


# Exit statuses

def test_exit_0_is_success(prontod):
    crm = prontod.hook("crm", then="echo fine; echo trouble >&2")
    prontod.start()
    one = wait_delivery(prontod, finish(prontod), "succeeded")
    attempt = one["attempts"][0]
    assert len(one["attempts"]) == 1 and crm.count() == 1
    assert (attempt["exit_code"], attempt["signal"], attempt["timed_out"], attempt["interrupted"]) == (0, None, False, False)
    assert "fine" in attempt["output"] and "trouble" in attempt["output"]
    assert one["finished_at"] and one["next_attempt_at"] is None


def test_exit_65_is_dead_at_once(prontod):
    crm = prontod.hook("crm", then="exit 65", **QUICK)
    alarm = prontod.hook("alarm", on="dead")
    prontod.start()
    one = wait_delivery(prontod, finish(prontod), "dead")
    assert [attempt["exit_code"] for attempt in one["attempts"]] == [65]
    document = alarm.wait()[0].document
    assert (document["event"], document["hook"]) == ("dead", "alarm")
    assert document["request"]["id"] == one["request_id"]
    assert crm.count() == 1


@pytest.mark.parametrize("status", [1, 75, 126, 127, 255])
def test_other_exits_are_tried_again(prontod, status):
    crm = prontod.hook("crm", then=f'[ "$PRONTO_ATTEMPT" -ge 3 ] || exit {status}', **QUICK)
    prontod.start()
    one = wait_delivery(prontod, finish(prontod), "succeeded")
    assert [attempt["exit_code"] for attempt in one["attempts"]] == [status, status, 0]
    assert [attempt["number"] for attempt in one["attempts"]] == [1, 2, 3]
    runs = crm.runs()
    assert [run.environ["PRONTO_ATTEMPT"] for run in runs] == ["1", "2", "3"]
    assert [run.document["attempt"] for run in runs] == [1, 2, 3]
    assert {run.environ["PRONTO_DELIVERY_ID"] for run in runs} == {one["id"]}
    first = runs[0].document | {"attempt": None}
    assert all(run.document | {"attempt": None} == first for run in runs)


@pytest.mark.parametrize("name, number", [("TERM", 15), ("KILL", 9), ("SEGV", 11)])
def test_a_signal_is_tried_again(prontod, name, number):
    prontod.hook("crm", then=f'[ "$PRONTO_ATTEMPT" -ge 2 ] || kill -{name} $$', **QUICK)
    prontod.start()
    one = wait_delivery(prontod, finish(prontod), "succeeded")
    assert [attempt["signal"] for attempt in one["attempts"]] == [number, None]
    assert one["attempts"][0]["exit_code"] is None


def test_the_wait_grows_from_the_end_of_the_attempt(prontod):
    prontod.hook("crm", then="exit 75", backoff="100ms 1s", max_attempts=5)
    prontod.start()
    one = wait_delivery(prontod, finish(prontod), "dead")
    starts = [run.when // 1_000_000 for run in prontod.hooks["crm"].runs()]
    waits = [after - before for before, after in zip(starts, starts[1:])]
    # Equal jitter: at least half of 100, 200, 400 and 800 ms. The upper end is the machine's affair.
    assert len(waits) == 4 and all(wait >= least for wait, least in zip(waits, (45, 95, 195, 395))), waits
    assert len(one["attempts"]) == 5


def test_max_attempts_ends_it_and_a_retry_by_hand_revives_it(prontod):
    crm = prontod.hook("crm", then="exit 1", max_attempts=2, **QUICK)
    alarm = prontod.hook("alarm", on="dead")
    prontod.start()
    request = finish(prontod)
    one = wait_delivery(prontod, request, "dead")
    assert len(one["attempts"]) == 2 and crm.count() == 2
    alarm.wait()
    crm.write()
    prontod.post(f"/v1/deliveries/{one['id']}/retry")
    again = wait_delivery(prontod, request, "succeeded")
    assert again["id"] == one["id"] and len(again["attempts"]) == 3
    assert crm.count() == 3


def test_give_up_ends_it(prontod):
    prontod.hook("crm", then="exit 1", give_up="300ms", **QUICK)
    prontod.start()
    one = wait_delivery(prontod, finish(prontod), "dead")
    assert len(one["attempts"]) >= 2


def test_all_dead_ones_can_be_retried_at_once(prontod):
    crm = prontod.hook("crm", then="exit 65")
    other = prontod.hook("other", then="exit 65")
    prontod.start()
    requests = [finish(prontod) for _ in range(5)]
    for request in requests:
        wait_delivery(prontod, request, "dead")
        wait_delivery(prontod, request, "dead", hook="other")
    crm.write()
    other.write()
    prontod.post("/v1/deliveries/retry", {"state": "dead", "hook": "crm"})
    for request in requests:
        wait_delivery(prontod, request, "succeeded")
    assert {one["hook"] for one in prontod.items("/v1/deliveries?state=dead")} == {"other"}


def test_one_hook_does_not_hold_up_another(prontod):
    prontod.hook("bad", then="exit 75", backoff="1h 1h")
    good = prontod.hook("good")
    prontod.start()
    for _ in range(5):
        finish(prontod)
    good.wait(5)
    assert all(one["state"] in ("retrying", "running", "queued") for one in prontod.items("/v1/deliveries?hook=bad"))
    assert {one["gives_up_at"] is not None for one in prontod.items("/v1/deliveries?hook=bad")} == {True}


# The timeout

def pids(prontod, name):
    return [int(text) for text in (prontod.directory / name).read_text().split()]


@pytest.mark.parametrize("trap", ["", "trap '' TERM"])
def test_at_the_timeout_the_whole_group_is_killed(prontod, trap):
    crm = prontod.hook("crm", timeout="300ms", kill_after="200ms", max_attempts=1)
    file = prontod.directory / "pids"
    crm.write(whole=f"#!/bin/sh\n{trap}\nsleep 1000 &\necho $$ $! >{file}.new\nmv {file}.new {file}\nwait\nsleep 1000\n")
    prontod.start()
    one = wait_delivery(prontod, finish(prontod), "dead")
    attempt = one["attempts"][0]
    assert attempt["timed_out"] is True
    wait_until(lambda: not any(alive(pid) for pid in pids(prontod, "pids")), "the end of the group")


def test_a_hook_that_ends_politely_at_sigterm_is_still_late(prontod):
    prontod.hook("crm", then="trap 'exit 0' TERM; sleep 1000 & wait", timeout="300ms", max_attempts=1)
    prontod.start()
    assert wait_delivery(prontod, finish(prontod), "dead")["attempts"][0]["timed_out"] is True


def test_a_slot_is_free_again_after_a_timeout(prontod):
    crm = prontod.hook("crm", then='[ "$PRONTO_ATTEMPT" -ge 2 ] || sleep 1000', timeout="200ms", kill_after="100ms", concurrency=1,
                       **QUICK)
    prontod.start()
    for request in [finish(prontod) for _ in range(3)]:
        wait_delivery(prontod, request, "succeeded")
    assert crm.count() == 6


# Concurrency

def test_no_more_than_concurrency_run_at_a_time(prontod):
    folder = prontod.directory / "active"
    folder.mkdir()
    gate, counts = prontod.directory / "gate", prontod.directory / "counts"
    then = (f'mkdir "{folder}/$$"; ls "{folder}" | wc -l >>"{counts}"; while [ ! -e "{gate}" ]; do sleep 0.02; done; '
            f'rmdir "{folder}/$$"')
    prontod.hook("crm", then=then, concurrency=2)
    prontod.start()
    requests = [finish(prontod) for _ in range(7)]
    wait_until(lambda: len(os.listdir(folder)) == 2)
    assert len(prontod.items("/v1/deliveries?state=running")) == 2
    gate.touch()
    for request in requests:
        wait_delivery(prontod, request, "succeeded")
    numbers = [int(text) for text in counts.read_text().split()]
    assert len(numbers) == 7 and max(numbers) == 2


# Output

def test_the_last_4_kib_of_output_are_kept(prontod):
    prontod.hook("crm", then='i=0; while [ $i -lt 1000 ]; do echo "line $i of many"; i=$((i+1)); done; printf END')
    prontod.start()
    output = wait_delivery(prontod, finish(prontod), "succeeded")["attempts"][0]["output"]
    assert output.endswith("line 999 of many\nEND")
    assert 4000 <= len(output) <= 4096


@pytest.mark.parametrize("command", ["head -c 100000000 /dev/zero", "head -c 3000000 /dev/urandom",
                                     r"printf '\377\376\033[31m\000x'", "yes | head -c 50000000"])
def test_any_output_is_drained_and_shown_as_json(prontod, command):
    prontod.hook("crm", then=command)
    prontod.start()
    attempt = wait_delivery(prontod, finish(prontod), "succeeded")["attempts"][0]
    assert attempt["exit_code"] == 0
    assert "\x1b" not in prontod.log()
    assert "\x1b" not in prontod.ctl("--format", "table", "deliveries").stdout


# Programs that cannot be started

@pytest.mark.parametrize("fault", ["missing", "not executable", "no interpreter", "a directory"])
def test_a_program_that_cannot_be_started_is_a_fault_of_the_hook(prontod, fault):
    crm = prontod.hook("crm", max_attempts=1)
    other = prontod.hook("other")
    good = crm.path.with_suffix(".good")
    crm.path.rename(good)
    if fault == "not executable":
        crm.path.write_text("#!/bin/sh\n")
        crm.path.chmod(0o644)
    elif fault == "no interpreter":
        crm.path.write_text("#!/nothing/there\n")
        crm.path.chmod(0o755)
    elif fault == "a directory":
        crm.path.mkdir()
    prontod.start()
    requests = [finish(prontod) for _ in range(3)]
    other.wait(3)
    broken = wait_until(lambda: next((one for one in prontod.get("/v1/hooks")["items"]
                                      if one["name"] == "crm" and one["state"] == "broken"), None), "the hook is broken")
    assert broken["error"]
    for request in requests:
        assert wait_delivery(prontod, request, "queued", "retrying")["attempts"] == []
    if fault == "a directory":
        crm.path.rmdir()
    good.replace(crm.path)
    prontod.reload()
    for request in requests:
        assert [attempt["number"] for attempt in wait_delivery(prontod, request, "succeeded")["attempts"]] == [1]
    wait_until(lambda: {one["state"] for one in prontod.get("/v1/hooks")["items"]} == {"ok"}, "the hook is ok again")


def test_a_program_that_disappears_while_it_is_needed(prontod):
    crm = prontod.hook("crm", **QUICK)
    prontod.start()
    wait_delivery(prontod, finish(prontod), "succeeded")
    away = crm.path.rename(crm.path.with_suffix(".away"))
    request = finish(prontod)
    wait_until(lambda: prontod.get("/v1/hooks")["items"][0]["state"] == "broken")
    assert delivery_of(prontod, request)["attempts"] == []
    away.rename(crm.path)
    prontod.reload()
    assert len(wait_delivery(prontod, request, "succeeded")["attempts"]) == 1


# The life of a delivery

def test_what_was_running_at_a_kill_runs_again_and_uses_up_no_attempt(prontod):
    gate = prontod.directory / "gate"
    crm = prontod.hook("crm", then=f'while [ ! -e "{gate}" ]; do sleep 0.02; done', max_attempts=1)
    prontod.start()
    request = finish(prontod)
    first = crm.wait(1)[0]
    prontod.kill()
    prontod.start()
    crm.wait(2)
    gate.touch()
    one = wait_delivery(prontod, request, "succeeded")
    assert {run.environ["PRONTO_DELIVERY_ID"] for run in crm.runs()} == {first.environ["PRONTO_DELIVERY_ID"]} == {one["id"]}
    assert one["attempts"][-1]["exit_code"] == 0
    assert all(attempt["interrupted"] for attempt in one["attempts"][:-1])


def test_a_hook_may_ask_prontod(prontod):
    out = prontod.directory / "shown"
    prontod.hook("crm", then=f'"{harness.PRONTOCTL}" --socket "{prontod.socket}" show "$PRONTO_REQUEST_ID" >"{out}"')
    prontod.start()
    request = finish(prontod)
    wait_delivery(prontod, request, "succeeded")
    assert request in out.read_text()


def test_several_hooks_for_one_event_have_a_delivery_each(prontod):
    hooks = [prontod.hook(name) for name in ("one", "two", "three")]
    prontod.start()
    request = finish(prontod)
    for hook in hooks:
        hook.wait()
    deliveries = prontod.request(request)["deliveries"]
    assert sorted(one["hook"] for one in deliveries) == ["one", "three", "two"]
    assert len({one["id"] for one in deliveries}) == 3
