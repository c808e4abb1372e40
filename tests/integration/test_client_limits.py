"""Limits of the account: concurrency, rate, Retry-After, the circuit breaker, a refused key, want of credits."""

import pytest

import harness
from harness import contact, wait_until
from pronto_side import (NEVER_POLLED, QUICK, accepted, calls, check_each_once, moment, person, polls, rows, submit_all, submit_array,
                         submitting, wait_error, wait_submitting)

LONG = 150  # seconds until a test gives up that waits for a pause of prontod's own


def limited(sim, new_prontod, **pronto):
    return new_prontod(sim.url, config={"pronto": QUICK | pronto})


# Concurrency and rate

@pytest.mark.parametrize("concurrency, rate, delay", [(1, 100, "0"), (3, 60, "0-20ms"), (5, 50, "0-100ms"), (8, 1000, "5-40ms")])
def test_neither_concurrency_nor_rate_is_ever_exceeded(sim, new_prontod, concurrency, rate, delay):
    sim.behave(lose=0.5, answer_delay=delay, poll_answer_delay=delay)
    prontod = limited(sim, new_prontod, concurrency=concurrency, rate=rate, timeout="20s").start()
    ids = submit_all(prontod, map(person, range(100)))
    ids += submit_all(prontod, map(person, range(100, 200)))
    check_each_once(prontod, ids)
    log = sim.log()
    assert log["max_concurrent"] <= concurrency
    # Those that are under way when a second begins may arrive a little late, and count in it.
    assert log["max_rate"] <= rate + concurrency
    assert log["counts"]["polls"] >= 50 and log["counts"]["repeats"] == 0
    assert rows(sim) == list(range(200))


def test_the_concurrency_that_is_allowed_is_used(sim, new_prontod):
    sim.behave(answer_delay="300ms")
    prontod = limited(sim, new_prontod, concurrency=4, timeout="20s").start()
    check_each_once(prontod, submit_all(prontod, map(person, range(12))))
    assert sim.log()["max_concurrent"] == 4


def test_polls_by_hand_count_as_well(silent, new_prontod):
    silent.behave(poll_answer_delay="100ms", poll_pending=True)
    prontod = new_prontod(silent.url, config={"pronto": NEVER_POLLED | {"concurrency": 2, "timeout": "30s"}}).start()
    ids = submit_all(prontod, map(person, range(8)))
    for one in ids:
        prontod.wait_state(one, "pending")
    harness.parallel(lambda one: prontod.query("POST", f"/v1/requests/{one}/poll"), ids * 2)
    assert silent.log()["max_concurrent"] <= 2


def test_an_account_whose_limits_are_lower_than_configured(sim, new_prontod):
    sim.behave(rate_limit=20, concurrency_limit=2, retry_after="1")
    prontod = limited(sim, new_prontod, concurrency=5, rate=50).start()
    check_each_once(prontod, submit_all(prontod, map(person, range(40))))
    assert rows(sim) == list(range(40))


def test_a_reload_changes_the_limits(sim, new_prontod):
    sim.behave(answer_delay="50ms")
    prontod = limited(sim, new_prontod, concurrency=4, timeout="20s").start()
    check_each_once(prontod, submit_all(prontod, map(person, range(8))))
    prontod.config["pronto"]["concurrency"] = 1
    before = prontod.log().count("\n")
    prontod.reload()
    wait_until(lambda: prontod.log().count("\n") > before, "the reload")
    check_each_once(prontod, submit_all(prontod, map(person, range(1))))  # what the old limit let begin is over
    sim.control("DELETE", "log")
    ids = submit_all(prontod, [person(row) for row in range(10, 18)])
    for one in ids:
        prontod.wait_state(one, "finished")
    assert sim.log()["max_concurrent"] == 1


# Retry-After

def after_429(sim):
    """The seconds from the (only) 429 to the next call of any kind."""
    log = calls(sim)
    place = [one["status"] for one in log].index(429)
    return moment(log[place + 1]["time"]) - moment(log[place]["time"])


@pytest.mark.parametrize("rule, seconds", [("2", 2), ("date:2", 2), ("3", 3)])
@pytest.mark.parametrize("group", ["submit", "poll"])
def test_retry_after_holds_back_every_call(silent, new_prontod, rule, seconds, group):
    """Polls are due all the time, and submissions wait: none comes before the time is over, whichever got the 429."""
    silent.behave(poll_pending=True)
    prontod = limited(silent, new_prontod, concurrency=1, poll_after="100ms").start()
    ids = submit_all(prontod, map(person, range(8)))
    for one in ids:
        prontod.wait_state(one, "pending")
    key = "retry_after" if group == "submit" else "poll_retry_after"
    silent.behave(**{f"{group}_status": 429, f"{group}_status_count": 1, key: rule})
    ids += submit_all(prontod, map(person, range(8, 16)))
    found = wait_submitting(prontod, "slowed")
    assert found["detail"] and found["paused_until"]
    for one in ids:
        prontod.wait_state(one, "pending")
    silent.behave(poll_pending=False)
    check_each_once(prontod, ids)
    assert after_429(silent) >= seconds - 0.1  # the clocks of the two programs have milliseconds
    assert rows(silent) == list(range(16))
    assert submitting(prontod)["state"] == "ok"


def test_retry_after_survives_a_restart_or_at_least_costs_no_request(sim, new_prontod):
    sim.behave(submit_status=429, submit_status_count=1, retry_after="1")
    prontod = limited(sim, new_prontod).start()
    ids = submit_all(prontod, map(person, range(5)))
    sim.wait(calls=1)
    prontod.kill()
    prontod.start()
    check_each_once(prontod, ids)
    assert rows(sim) == list(range(5))


@pytest.mark.parametrize("rule", ["nonsense", "", "-5", "0", "1e9x"])
def test_a_retry_after_that_says_nothing_is_no_reason_to_hurry_or_to_stop(sim, new_prontod, rule):
    sim.behave(submit_status=429, submit_status_count=3, retry_after=rule)
    prontod = limited(sim, new_prontod, concurrency=1).start()
    check_each_once(prontod, submit_all(prontod, map(person, range(3))))
    assert len(calls(sim, "POST")) == 6


# The circuit breaker

@pytest.mark.parametrize("fault", [{"submit_status": 500}, {"submit_status": 502}])
def test_repeated_failures_trip_the_breaker_and_it_recovers_by_itself(sim, new_prontod, fault):
    sim.behave(**fault)
    prontod = limited(sim, new_prontod).start()
    ids = submit_all(prontod, map(person, range(12)))
    found = wait_until(lambda: (one := submitting(prontod))["state"] == "tripped" and one, "the breaker", LONG)
    assert found["detail"] and found["paused_until"]
    assert {prontod.request(one)["state"] for one in ids} == {"queued"}
    assert prontod.http("GET", "/readyz").status == 200
    sim.control("DELETE", "behaviour")
    wait_until(lambda: all(prontod.request(one)["state"] == "finished" for one in ids), "the recovery", LONG)
    assert submitting(prontod)["state"] == "ok"
    assert rows(sim) == list(range(12))


def test_a_tripped_breaker_makes_few_calls(sim, new_prontod):
    sim.behave(submit_status=500)
    prontod = limited(sim, new_prontod, concurrency=1).start()
    submit_all(prontod, map(person, range(20)))
    wait_until(lambda: submitting(prontod)["state"] == "tripped", "the breaker", LONG)
    assert len(calls(sim, "POST")) <= 25, "it tripped only after it had hammered"


def test_a_failure_now_and_then_does_not_trip_it(sim, new_prontod):
    sim.behave(submit_status=500, submit_status_share=0.1)
    prontod = limited(sim, new_prontod).start()
    ids = submit_all(prontod, map(person, range(40)))
    seen = set()
    wait_until(lambda: seen.add(submitting(prontod)["state"]) or all(prontod.request(one)["state"] == "finished" for one in ids), timeout=LONG)
    assert "tripped" not in seen
    assert rows(sim) == list(range(40))


# A refused key

@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_stops_submitting_until_a_reload_and_loses_nothing(sim, new_prontod, status):
    sim.behave(submit_status=status, account_status=status, poll_status=status, echo_key_in_error=True)
    prontod = limited(sim, new_prontod, concurrency=1).start()
    first = prontod.post("/v1/requests", person(0))["id"]
    found = wait_submitting(prontod, "key_refused")
    assert found["detail"] and prontod.api_key not in str(found)
    wait_error(prontod, first)
    ids = [first] + submit_all(prontod, map(person, range(1, 10)))
    run = prontod.ctl("submit", "--firstname", "Grace", "--lastname", "Hopper", "--domain", "example.com", "--type", "email",
                      "--custom-json", '{"row": 10}', "--wait", status=3)
    assert run.stderr.count("\n") == 1 and prontod.api_key not in run.stderr
    assert len(calls(sim, "POST")) == 1, "it went on submitting with a refused key"
    assert {one["state"] for one in prontod.items("/v1/requests")} == {"queued"}
    assert "key" in prontod.log().lower()
    sim.control("DELETE", "behaviour")
    prontod.reload()
    wait_submitting(prontod, "ok")
    wait_until(lambda: len(prontod.items("/v1/requests?state=finished")) == 11, "all of them")
    check_each_once(prontod, ids)
    assert rows(sim) == list(range(11))


def test_a_refused_key_is_still_refused_after_a_reload(sim, new_prontod):
    sim.behave(submit_status=401, account_status=401)
    prontod = limited(sim, new_prontod, concurrency=1).start()
    request = prontod.post("/v1/requests", contact())
    wait_submitting(prontod, "key_refused")
    prontod.reload()
    wait_until(lambda: len(calls(sim)) >= 2, "another try")
    wait_submitting(prontod, "key_refused")
    assert prontod.request(request["id"])["state"] == "queued"


def test_a_new_key_in_the_file_is_used_after_a_reload(new_prontod):
    prontod = new_prontod(config={"pronto": QUICK})
    sim = harness.simulator.Simulator(harness.PRONTO_SIM, "--api-key", "key-that-is-right")
    prontod.private.append("key-that-is-right")
    try:
        prontod.config["pronto"] |= {"api_url": sim.url, "api_key_file": prontod.secret_file("api-key", prontod.api_key)}
        prontod.start()
        request = prontod.post("/v1/requests", contact())
        wait_submitting(prontod, "key_refused")
        prontod.secret_file("api-key", "key-that-is-right")
        prontod.reload()
        prontod.wait_state(request["id"], "finished")
        wait_submitting(prontod, "ok")
    finally:
        sim.close()


# Want of credits

@pytest.mark.parametrize("key", ["out_of_credits", "plan_limit"])
def test_want_of_credits_stops_submitting_and_not_polling(silent, new_prontod, key):
    silent.behave(poll_pending=True)
    prontod = limited(silent, new_prontod, concurrency=1).start()
    polled, _ = prontod.submit(silent, **person(0))
    silent.behave(**{key: True})
    first = prontod.post("/v1/requests", person(1))["id"]
    found = wait_submitting(prontod, "out_of_credits")
    assert found["detail"]
    wait_error(prontod, first)
    ids = [first] + submit_all(prontod, map(person, range(2, 8)))
    run = prontod.ctl("submit", "--firstname", "Grace", "--lastname", "Hopper", "--domain", "example.com", "--type", "email",
                      "--custom-json", '{"row": 8}', "--wait", status=5)
    assert run.stderr.count("\n") == 1
    assert len(calls(silent, "POST")) == 2, "it went on submitting"
    silent.behave(poll_pending=False)
    assert prontod.wait_state(polled["id"], "finished")["source"] == "poll"
    assert submitting(prontod)["state"] == "out_of_credits"
    silent.behave(**{key: False})
    prontod.reload()
    for one in ids:
        prontod.wait_state(one, "finished")
    wait_submitting(prontod, "ok")
    wait_until(lambda: len(accepted(silent)) == 9, "all of them")
    assert rows(silent) == list(range(9))


def test_the_states_of_submitting_without_trouble_without_a_key_and_without_a_link(sim, new_prontod):
    prontod = limited(sim, new_prontod).start()
    assert submitting(prontod)["state"] == "ok" and submitting(prontod)["paused_until"] is None
    assert submitting(new_prontod().start())["state"] == "no_key"


def test_callbacks_and_hooks_go_on_whatever_submitting_does(sim, new_prontod):
    sim.behave(submit_status=401, account_status=401)
    prontod = new_prontod(sim.url, secrets=["secret-while-paused"], config={"pronto": NEVER_POLLED})
    crm = prontod.hook("crm")
    prontod.start()
    prontod.post("/v1/requests", contact())
    wait_submitting(prontod, "key_refused")
    for number in range(10):
        prontod.register(f"one-{number}")
        assert prontod.call_back("secret-while-paused", harness.result(f"one-{number}")) == "matched"
    crm.wait(10)


def test_a_batch_counts_as_one_call(sim, new_prontod):
    sim.behave(answer_delay="50ms")
    prontod = limited(sim, new_prontod, concurrency=1, timeout="20s").start()
    ids = submit_array(prontod, [person(row) for row in range(50)])
    check_each_once(prontod, ids)
    log = sim.log()
    assert log["max_concurrent"] == 1 and log["counts"]["submissions"] == 1


def test_sigterm_lets_calls_under_way_finish(sim, new_prontod):
    sim.behave(answer_delay="1s", delay="1h")
    prontod = limited(sim, new_prontod, timeout="20s", poll_after="1h").start()
    ids = submit_all(prontod, map(person, range(3)))
    sim.wait(contacts=3)
    assert prontod.stop() == 0
    prontod.start()
    for one in ids:
        found = prontod.wait_state(one, "pending")
        assert found["enrichment_id"] and found["maybe_sent"] is False and found["tries"] == 1
    assert rows(sim) == [0, 1, 2]
    assert polls(sim) == []
