"""Results whose callbacks do not come: prontod asks for them, again and again, until the deadline."""

import json

import pytest

import harness
import simulator
from harness import contact, wait_until
from pronto_side import (LINKEDIN, QUICK, ask, check_each_once, documents, moment, person, polls, submit_all, submit_array,
                         submitted_by_others, submitting, wait_all)

SECRET = "secret-of-other-software"
UNKNOWN = "123e4567-e89b-12d3-a456-426614174000"


def polling(sim, new_prontod, **pronto):
    """A daemon, not yet started, that polls soon."""
    return new_prontod(sim.url, config={"pronto": QUICK | pronto})


def test_when_every_callback_is_lost_all_results_arrive_by_polling(silent, new_prontod):
    prontod = polling(silent, new_prontod)
    crm = prontod.hook("crm", concurrency=8)
    prontod.start()
    ids = submit_all(prontod, map(person, range(30)))
    check_each_once(prontod, ids)
    told = documents(crm, 30)
    for one in ids:
        found = prontod.request(one)
        document = told[one]
        assert found["source"] == document["source"] == "poll"
        assert document["raw"] == ask(silent, found["enrichment_id"])
        assert document["result"] == {name: found["result"][name] for name in document["result"]}
        assert document["request"]["custom"] == found["custom"]
        assert found["finished_at"] and moment(document["received_at"]) >= moment(found["submitted_at"])
    assert prontod.items("/v1/callbacks") == []
    assert silent.log()["counts"]["repeats"] == 0


@pytest.mark.parametrize("fields, filled", [
    ({"enrichment_type": "email"}, "email"),
    ({"enrichment_type": "phone", "linkedin_url": LINKEDIN + "ada"}, "phones"),
    ({"enrichment_type": "personal_email", "linkedin_url": LINKEDIN + "ada"}, "personal_email")], ids=lambda one: str(one)[:40])
@pytest.mark.parametrize("spelling", ["phone_array", "phones", "phone_string", "phone_objects", "success", "id", "contact_id", "nulls"])
def test_a_polled_result_is_read_in_every_spelling(silent, new_prontod, fields, filled, spelling):
    silent.behave(spelling=spelling)
    prontod = polling(silent, new_prontod).start()
    found = prontod.wait_state(prontod.post("/v1/requests", contact(**fields))["id"], "finished")
    assert found["source"] == "poll" and found["result"][filled]


def test_an_empty_result_is_polled_as_well(silent, new_prontod):
    silent.behave(empty_share=1)
    prontod = polling(silent, new_prontod)
    crm = prontod.hook("crm")
    prontod.start()
    found = prontod.wait_state(prontod.post("/v1/requests", contact())["id"], "finished")
    assert found["result"]["email"] is None
    assert crm.wait()[0].document["source"] == "poll"


def test_some_callbacks_lost_some_doubled_and_some_early(sim, new_prontod):
    sim.behave(lose=0.3, repeat=1, repeat_share=0.3, early=0.2, delay="0-200ms", reorder="200ms", poll_answer_delay="0-50ms")
    prontod = polling(sim, new_prontod)
    prontod.hook("crm", concurrency=8)
    prontod.start()
    ids = submit_all(prontod, map(person, range(60)))
    check_each_once(prontod, ids)
    assert {prontod.request(one)["source"] for one in ids} >= {"callback", "poll"}
    assert len(prontod.items("/v1/deliveries")) == 60
    assert sim.log()["counts"]["repeats"] == 0


# Until the deadline

def test_what_stays_pending_expires_once_and_a_late_callback_still_counts(sim, new_prontod):
    sim.behave(delay="1h", poll_pending=True)
    prontod = polling(sim, new_prontod, deadline="2s")
    crm = prontod.hook("crm", on="finished expired")
    prontod.start()
    found, token = prontod.submit(sim, custom={"row": 1})
    expired = prontod.wait_state(found["id"], "expired")
    assert expired["result"] is None and expired["next_poll_at"] is None
    document = crm.wait()[0].document
    assert document["event"] == "expired" and document["request"]["id"] == found["id"]
    assert prontod.call_back(token, harness.result(found["enrichment_id"], custom={"row": 1})) == "matched"
    late = prontod.wait_state(found["id"], "finished")
    assert late["source"] == "callback" and late["result"]["email"] == "ada@example.com"
    assert [run.environ["PRONTO_EVENT"] for run in crm.wait(2)] == ["expired", "finished"]
    assert prontod.call_back(token, harness.result(found["enrichment_id"], custom={"row": 1})) == "duplicate"
    assert len(prontod.items("/v1/deliveries")) == 2


def test_polls_become_rarer_and_end_at_the_deadline(silent, new_prontod):
    silent.behave(poll_pending=True)
    prontod = polling(silent, new_prontod, poll_after="200ms", deadline="4s").start()
    first, _ = prontod.submit(silent)
    assert prontod.request(first["id"])["next_poll_at"]
    prontod.wait_state(first["id"], "expired")
    asked = len(polls(silent, first["enrichment_id"]))
    assert 2 <= asked <= 10
    silent.behave(poll_pending=False)
    second, _ = prontod.submit(silent)
    prontod.wait_state(second["id"], "finished")
    assert len(polls(silent, first["enrichment_id"])) == asked, "it was asked for after its deadline"


def test_a_deadline_before_poll_after_means_that_nothing_is_polled(silent, new_prontod):
    prontod = polling(silent, new_prontod, poll_after="1h", deadline="500ms").start()
    found, _ = prontod.submit(silent)
    prontod.wait_state(found["id"], "expired")
    assert polls(silent) == []


def test_a_result_in_time_is_never_asked_for(sim, new_prontod):
    prontod = polling(sim, new_prontod, poll_after="5s").start()
    wait_all(prontod, submit_all(prontod, map(person, range(10))), "finished")
    assert polls(sim) == []


# What goes wrong with an answer

@pytest.mark.parametrize("fault", [
    {"poll_status": 500, "poll_status_count": 2}, {"poll_status": 503, "poll_status_count": 1, "poll_retry_after": "1"},
    {"poll_status": 404, "poll_status_count": 1}, {"poll_status": 422, "poll_status_count": 1},
    {"poll_status": 429, "poll_status_count": 1}, {"poll_status": 429, "poll_status_count": 2, "poll_retry_after": "1"},
    {"poll_status": 429, "poll_status_count": 1, "poll_retry_after": "date:1"},
    {"poll_status": 429, "poll_status_count": 1, "poll_retry_after": "nonsense"},
    {"poll_status": 200, "poll_status_count": 2},  # {}: an answer without a status and an identifier
    {"poll_garbage_answer": True, "poll_fault_count": 2}, {"poll_hang": "true", "poll_fault_count": 1},
    {"poll_hang": "headers", "poll_fault_count": 1}, {"poll_drip": "200ms", "poll_fault_count": 1},
    {"poll_huge_answer": "true", "poll_fault_count": 1}, {"poll_huge_answer": "chunked", "poll_fault_count": 1},
    {"poll_close": True, "poll_fault_count": 2}], ids=json.dumps)
def test_a_poll_that_goes_wrong_is_made_again(silent, new_prontod, fault):
    silent.behave(**fault)
    prontod = polling(silent, new_prontod)
    failed = prontod.hook("failed", on="failed expired")
    crm = prontod.hook("crm")
    prontod.start()
    request = prontod.post("/v1/requests", person(1))
    found = prontod.wait_state(request["id"], "finished")
    assert found["source"] == "poll" and found["result"]["email"] == "ada1.lovelace@example.com"
    assert len(polls(silent)) >= 2
    assert documents(crm)[request["id"]]["raw"] == ask(silent, found["enrichment_id"])
    assert len(found["deliveries"]) == 1 and failed.count() == 0
    assert silent.log()["counts"]["submissions"] == 1


def test_a_poll_that_is_redirected_is_not_followed(silent, new_prontod):
    other = simulator.Simulator(harness.PRONTO_SIM, seed=2)
    try:
        silent.behave(poll_redirect=other.url + "/contacts/" + UNKNOWN, poll_fault_count=2)
        prontod = polling(silent, new_prontod).start()
        request = prontod.post("/v1/requests", contact())
        prontod.wait_state(request["id"], "finished")
        assert len(polls(silent)) >= 3
        assert other.log()["calls"] == [], "the API key went to another server"
    finally:
        other.close()


def test_an_answer_about_another_contact_changes_nothing(silent, new_prontod):
    silent.behave(wrong_id=True)
    prontod = polling(silent, new_prontod)
    crm = prontod.hook("crm")
    prontod.start()
    request = prontod.post("/v1/requests", contact())
    silent.wait(polls=2)
    assert prontod.request(request["id"])["state"] == "pending"
    silent.behave(wrong_id=False)
    assert prontod.wait_state(request["id"], "finished")["source"] == "poll"
    crm.wait()
    assert len(prontod.items("/v1/deliveries")) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused_while_polling_loses_nothing(silent, new_prontod, status):
    silent.behave(poll_status=status)
    prontod = polling(silent, new_prontod).start()
    found, _ = prontod.submit(silent)
    wait_until(lambda: polls(silent), "a poll")
    assert prontod.request(found["id"])["state"] == "pending"
    silent.behave(poll_status=0)
    prontod.reload()
    assert prontod.wait_state(found["id"], "finished")["source"] == "poll"


# Beside callbacks

def test_a_callback_that_arrives_during_a_poll_wins_and_is_delivered_once(silent, new_prontod):
    silent.behave(poll_answer_delay="700ms")
    prontod = polling(silent, new_prontod, timeout="10s")
    crm = prontod.hook("crm")
    prontod.start()
    found, token = prontod.submit(silent)
    silent.wait(polls=1)
    assert prontod.call_back(token, harness.result(found["enrichment_id"])) == "matched"
    silent.wait(idle="true")
    prontod.restart()  # what was under way is over
    crm.wait()
    after = prontod.request(found["id"])
    assert after["source"] == "callback" and after["result"]["email"] == "ada@example.com"
    assert len(prontod.items("/v1/deliveries")) == 1 and crm.count() == 1


@pytest.mark.parametrize("email, differs", [("ada.lovelace@example.com", False), ("other@example.com", True)])
def test_a_callback_after_a_poll_is_a_duplicate(silent, new_prontod, email, differs):
    prontod = polling(silent, new_prontod)
    crm = prontod.hook("crm")
    prontod.start()
    found, token = prontod.submit(silent)
    prontod.wait_state(found["id"], "finished")
    body = ask(silent, found["enrichment_id"]) | {"email": email}
    assert prontod.call_back(token, body) == "duplicate"
    assert prontod.items("/v1/callbacks")[0]["differs"] is differs
    assert prontod.request(found["id"])["result"]["email"] == "ada.lovelace@example.com"
    crm.wait()
    assert len(prontod.items("/v1/deliveries")) == 1


def test_an_interim_callback_does_not_end_polling(silent, new_prontod):
    prontod = polling(silent, new_prontod).start()
    found, token = prontod.submit(silent)
    prontod.call_back(token, harness.result(found["enrichment_id"], status="pending"))
    assert prontod.wait_state(found["id"], "finished")["source"] == "poll"


def test_an_erased_request_is_not_asked_for_any_more(silent, new_prontod):
    silent.behave(poll_pending=True)
    prontod = polling(silent, new_prontod).start()
    found, _ = prontod.submit(silent)
    silent.wait(polls=1)
    assert prontod.query("DELETE", f"/v1/requests/{found['id']}").status == 204
    asked = len(polls(silent, found["enrichment_id"]))
    silent.behave(poll_pending=False)
    other, _ = prontod.submit(silent)
    prontod.wait_state(other["id"], "finished")
    assert len(polls(silent, found["enrichment_id"])) <= asked + 1  # one may have been under way


# Requests of other software, batches, no key

def test_a_registered_request_is_polled(sim, new_prontod):
    enrichment_id = submitted_by_others(sim, custom={"row": 1})
    prontod = new_prontod(sim.url, secrets=[SECRET], config={"pronto": QUICK})
    crm = prontod.hook("crm")
    prontod.start()
    request = prontod.register(enrichment_id, custom={"row": 1}, firstname="Ada", lastname="Lovelace")
    found = prontod.wait_state(request["id"], "finished")
    assert found["source"] == "poll" and found["result"]["email"] == "ada.lovelace@example.com"
    assert documents(crm)[request["id"]]["raw"] == ask(sim, enrichment_id)


def test_a_registered_request_that_pronto_does_not_know_expires(sim, new_prontod):
    prontod = new_prontod(sim.url, secrets=[SECRET], config={"pronto": QUICK | {"deadline": "2s"}})
    told = prontod.hook("told", on="expired")
    prontod.start()
    request = prontod.register(UNKNOWN)
    prontod.wait_state(request["id"], "expired")
    assert polls(sim, UNKNOWN)
    assert told.wait()[0].document["request"]["id"] == request["id"]


def test_the_requests_of_a_batch_are_not_polled_and_expire(silent, new_prontod):
    prontod = polling(silent, new_prontod, deadline="2s")
    told = prontod.hook("told", on="expired")
    prontod.start()
    ids = submit_array(prontod, [person(row) for row in range(3)])
    wait_all(prontod, ids, "expired")
    assert set(documents(told, 3)) == set(ids)
    assert polls(silent) == []


def test_without_a_key_registered_requests_expire_and_the_rest_works(new_prontod):
    prontod = new_prontod(secrets=[SECRET], config={"pronto": {"poll_after": "200ms", "deadline": "1s"}})
    told = prontod.hook("told", on="expired finished")
    prontod.start()
    request = prontod.register(UNKNOWN)
    prontod.wait_state(request["id"], "expired")
    assert submitting(prontod)["state"] == "no_key"
    assert prontod.http("GET", "/readyz").status == 200
    assert prontod.call_back(SECRET, harness.result(UNKNOWN)) == "matched"
    assert [run.environ["PRONTO_EVENT"] for run in told.wait(2)] == ["expired", "finished"]


# Restarts

@pytest.mark.parametrize("end", ["stop", "kill"])
def test_polling_goes_on_after_a_restart(silent, new_prontod, end):
    silent.behave(poll_pending=True)
    prontod = polling(silent, new_prontod)
    prontod.hook("crm", concurrency=8)
    prontod.start()
    ids = submit_all(prontod, map(person, range(20)))
    wait_all(prontod, ids, "pending")
    for number in (1, 2):
        silent.wait(polls=number * 5)
        getattr(prontod, end)()
        prontod.start()
    silent.behave(poll_pending=False)
    check_each_once(prontod, ids)
    assert silent.log()["counts"]["repeats"] == 0
    assert len(prontod.items("/v1/deliveries")) == 20


def test_an_answer_that_comes_while_prontod_dies_is_not_lost(silent, new_prontod):
    silent.behave(poll_answer_delay="300ms")
    prontod = polling(silent, new_prontod, timeout="10s")
    prontod.hook("crm")
    prontod.start()
    ids = submit_all(prontod, map(person, range(5)))
    wait_all(prontod, ids, "pending")
    for number in range(1, 4):
        silent.wait(polls=number)
        prontod.kill()
        prontod.start()
    check_each_once(prontod, ids)
