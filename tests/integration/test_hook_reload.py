"""Adding, changing and removing hooks while deliveries run."""

import uuid

import pytest

import harness
from harness import wait_until

SECRET = "secret-" + uuid.uuid4().hex


@pytest.fixture(name="prontod")
def make_prontod_for_hooks(new_prontod):
    """Not started yet."""
    return new_prontod(secrets=[SECRET])


def finish(prontod):
    one = str(uuid.uuid4())
    registered = prontod.register(one)
    assert prontod.call_back(SECRET, harness.result(one)) == "matched"
    return registered["id"]


def delivery_of(prontod, request, hook="crm"):
    found = [one for one in prontod.request(request)["deliveries"] if one["hook"] == hook]
    return prontod.get(f"/v1/deliveries/{found[0]['id']}") if found else None


def wait_state(prontod, request, *states, hook="crm"):
    return wait_until(lambda: (one := delivery_of(prontod, request, hook)) and one["state"] in states and one, f"the state {states}")


def hooks(prontod):
    return {one["name"]: one for one in prontod.get("/v1/hooks")["items"]}


def reload(prontod):
    before = prontod.log().count("configuration reloaded")
    prontod.reload()
    wait_until(lambda: prontod.log().count("configuration reloaded") > before, "the reload")


def wait_file(path):
    return f'while [ ! -e "{path}" ]; do sleep 0.02; done'


def test_a_hook_that_is_added_gets_what_comes_from_then_on(prontod):
    crm = prontod.hook("crm")
    prontod.start()
    first = finish(prontod)
    crm.wait(1)
    late = prontod.hook("late")
    reload(prontod)
    second = finish(prontod)
    assert late.wait(1)[0].document["request"]["id"] == second
    assert delivery_of(prontod, first, "late") is None
    assert late.count() == 1


def test_what_runs_ends_under_its_old_settings(prontod):
    """The time-out is the runner's, max_attempts and backoff are ours."""
    gate = prontod.directory / "gate"
    crm = prontod.hook("crm", then=f"{wait_file(gate)}; exit 1", max_attempts=2, timeout="1h", backoff="1h 1h")
    prontod.start()
    old = finish(prontod)
    crm.wait(1)
    prontod.config["hook crm"] |= {"timeout": "100ms", "max_attempts": 1, "backoff": "10ms 10ms", "concurrency": 8}
    reload(prontod)
    fresh = finish(prontod)
    new = wait_state(prontod, fresh, "dead")
    assert new["attempts"][0]["timed_out"] is True, "the new one has the new settings"
    assert delivery_of(prontod, old)["state"] == "running"
    gate.touch()
    one = wait_state(prontod, old, "retrying", "dead")
    assert (one["state"], one["attempts"][0]["exit_code"], one["attempts"][0]["timed_out"]) == ("retrying", 1, False)
    assert one["next_attempt_at"] > one["attempts"][0]["started_at"][:16], "an hour later, not 10 ms"
    assert len(prontod.get(f"/v1/deliveries/{one['id']}")["attempts"]) == 1


def test_a_hook_that_is_removed_waits_visibly_until_it_is_back(prontod):
    gate = prontod.directory / "gate"
    crm = prontod.hook("crm", then=f'{wait_file(gate)}; [ "$PRONTO_ATTEMPT" -ge 2 ] || exit 1', concurrency=1, backoff="10ms 10ms")
    prontod.hook("other")
    prontod.start()
    requests = [finish(prontod) for _ in range(3)]
    crm.wait(1)
    section = prontod.config.pop("hook crm")
    reload(prontod)
    left = hooks(prontod)["crm"]
    assert (left["state"], left["command"], left["mode"], left["on"]) == ("paused", None, None, [])
    assert "not in the configuration" in left["error"]
    assert (left["queued"], left["running"]) == (2, 1)
    unseen = finish(prontod)
    gate.touch()
    wait_until(lambda: hooks(prontod)["crm"]["retrying"] == 1, "what ran has ended")
    wait_until(lambda: delivery_of(prontod, unseen, "other")["state"] == "succeeded")
    assert crm.count() == 1 and delivery_of(prontod, unseen) is None
    prontod.restart()
    assert (hooks(prontod)["crm"]["queued"], hooks(prontod)["crm"]["retrying"]) == (2, 1)
    prontod.config["hook crm"] = section
    reload(prontod)
    for request in requests:
        wait_state(prontod, request, "succeeded")
    assert hooks(prontod)["crm"]["state"] == "ok"


def test_what_a_removed_hook_left_can_be_purged(prontod):
    crm = prontod.hook("crm", then="exit 1", backoff="1h 1h", trip_after=0)
    prontod.hook("other")
    prontod.start()
    requests = [finish(prontod) for _ in range(3)]
    for request in requests:
        wait_state(prontod, request, "retrying")
    refused = prontod.ctl("hook", "purge", "--yes", "crm", status=1)
    assert "in the configuration" in refused.stderr
    section = prontod.config.pop("hook crm")
    reload(prontod)
    prontod.ctl("hook", "purge", "crm", status=2)
    assert hooks(prontod)["crm"]["retrying"] == 3, "it asks for --yes"
    assert prontod.ctl_json("hook", "purge", "--yes", "crm") == {"purged": 3}
    assert "crm" not in hooks(prontod)
    assert {one["hook"] for one in prontod.items("/v1/deliveries")} == {"other"}
    prontod.ctl("hook", "purge", "--yes", "nothing", status=6)
    prontod.config["hook crm"] = section
    reload(prontod)
    assert hooks(prontod)["crm"]["retrying"] == 0
    crm.write()
    wait_state(prontod, finish(prontod), "succeeded")


def test_a_hook_that_is_purged_while_it_runs(prontod):
    gate = prontod.directory / "gate"
    crm = prontod.hook("crm", then=wait_file(gate))
    prontod.start()
    finish(prontod)
    crm.wait(1)
    section = prontod.config.pop("hook crm")
    reload(prontod)
    assert prontod.post("/v1/hooks/crm/purge") == {"purged": 1}
    gate.touch()
    prontod.config["hook crm"] = section
    reload(prontod)
    wait_state(prontod, finish(prontod), "succeeded")
    assert len(prontod.items("/v1/deliveries")) == 1


def test_a_hook_that_has_finished_all_is_not_shown_when_it_left(prontod):
    prontod.hook("crm")
    prontod.start()
    wait_state(prontod, finish(prontod), "succeeded")
    prontod.config.pop("hook crm")
    reload(prontod)
    assert hooks(prontod) == {}
