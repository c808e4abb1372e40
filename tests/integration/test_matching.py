"""Which request a callback belongs to, and how Pronto's spellings are read."""

import json
import uuid

import pytest

import harness
import simulator

SECRET = "secret-" + uuid.uuid4().hex


@pytest.fixture(scope="module", name="module_sim")
def make_module_sim():
    one = simulator.Simulator(harness.PRONTO_SIM, "--behaviour", "lose=1")
    yield one
    one.close()


def make(module_sim, **config):
    one = harness.Prontod(module_sim.url, secrets=[SECRET], config=config).start()
    yield one
    one.close()


@pytest.fixture(scope="module", name="strict")
def make_strict(module_sim):
    yield from make(module_sim)


@pytest.fixture(scope="module", name="lenient")
def make_lenient(module_sim):
    yield from make(module_sim, match={"custom": "lenient"})


def submit_text(prontod, sim, custom):
    """A submission whose custom is exactly this text."""
    body = json.dumps(harness.contact())[:-1] + (f', "custom": {custom}}}' if custom is not None else "}")
    answer = prontod.post("/v1/requests", body, status=202)
    found = prontod.wait_state(answer["id"], "pending")
    return found, prontod.token_of(sim, found["enrichment_id"])


def body_text(enrichment_id, custom):
    body = json.dumps(harness.result(enrichment_id))
    return body if custom is None else body[:-1] + f', "custom": {custom}}}'


# The request's custom, the callback's, and whether they are equal strictly and leniently.
CUSTOMS = [
    ('{"a": 1, "b": 2}', '{"b": 2, "a": 1}', True, True),
    ('{"a": {"x": [1, {"y": 2, "z": 3}]}}', '{"a": {"x": [1, {"z": 3, "y": 2}]}}', True, True),
    ('{"a": [1, 2]}', '{"a": [2, 1]}', False, False),
    ('{"a": 1}', '{"a": 2}', False, False),
    ('{"a": 1}', '{"a": 1, "b": 2}', False, False),
    ('{"a": 1, "b": 2}', '{"a": 1}', False, False),
    ('{"a": 1}', '{"A": 1}', False, False),
    ('{"id": 4447901}', '{"id": "4447901"}', False, True),
    ('{"id": "4447901"}', '{"id": 4447901}', False, True),
    ('{"id": ["4447901"]}', '{"id": [4447901]}', False, True),
    ('{"id": "x"}', '{"id": 0}', False, False),
    ('{"id": "true"}', '{"id": true}', False, False),
    ('{"id": ""}', '{"id": null}', False, False),
    ('{"id": 0}', '{"id": false}', False, False),
    ('{"n": 1}', '{"n": 1.0}', True, True),
    ('{"n": 100}', '{"n": 1e2}', True, True),
    ('{"n": 0.1}', '{"n": 0.10}', True, True),
    ('{"n": 0}', '{"n": -0}', True, True),
    ('{"n": 18446744073709551617}', '{"n": 18446744073709551617}', True, True),
    ('{"n": 18446744073709551617}', '{"n": 18446744073709551618}', False, False),
    ('{"n": 9007199254740993}', '{"n": 9007199254740992}', False, False),
    ('{"n": 1e400}', '{"n": 1e401}', False, False),
    ('{"n": 0.1}', '{"n": 0.1000000000000000000000000001}', False, False),
    ('{"n": 18446744073709551617}', '{"n": "18446744073709551617"}', False, True),
    ('{"a": "\\u00e9"}', '{"a": "é"}', True, True),
    ('{"a": "x\\u0000y"}', '{"a": "x\\u0000y"}', True, True),
    ('{"a": "x\\u0000y"}', '{"a": "x\\u0000z"}', False, False),
    ('{"a": "x\\u0000y"}', '{"a": "x"}', False, False),
    ('{"a": 1}', '{"a": 2, "a": 1}', True, True),
    ('{"a": 1}', '{"a": 1, "a": 2}', False, False),
    ('{"a": 1, "a": 2}', '{"a": 2}', True, True),
    ("{}", None, True, True),
    (None, "{}", True, True),
    (None, "null", True, True),
    ("{}", "null", True, True),
    (None, None, True, True),
    ('{"a": 1}', None, False, False),
    ('{"a": 1}', "{}", False, False),
    ('{"a": 1}', "null", False, False),
    (None, '{"a": 1}', False, False),
    ('{"a": 1}', '"a"', False, False),
    ('{"a": null}', "{}", False, False),
]


@pytest.mark.parametrize("submitted, returned, equal, _", CUSTOMS)
def test_custom_is_compared_as_json(module_sim, strict, submitted, returned, equal, _):
    found, token = submit_text(strict, module_sim, submitted)
    state = strict.call_back(token, body_text(found["enrichment_id"], returned))
    assert state == ("matched" if equal else "mismatched")
    assert strict.request(found["id"])["state"] == ("finished" if equal else "pending")


@pytest.mark.parametrize("submitted, returned, _, equal", CUSTOMS)
def test_custom_is_compared_leniently(module_sim, lenient, submitted, returned, _, equal):
    found, token = submit_text(lenient, module_sim, submitted)
    state = lenient.call_back(token, body_text(found["enrichment_id"], returned))
    assert state == ("matched" if equal else "mismatched")


def test_the_simulator_with_numbers_as_strings(module_sim, new_prontod):
    del module_sim
    sim = simulator.Simulator(harness.PRONTO_SIM, "--behaviour", "custom_as_string=true")
    try:
        states = {}
        for mode in ("strict", "lenient"):
            prontod = new_prontod(sim.url, config={"match": {"custom": mode}}).start()
            before = sim.log()["counts"]["callbacks"]
            prontod.post("/v1/requests", harness.contact(custom={"row": 17}))
            sim.wait(callbacks=before + 1)
            states[mode] = [one["state"] for one in prontod.items("/v1/callbacks")]
        assert states == {"strict": ["mismatched"], "lenient": ["matched"]}
    finally:
        sim.close()


# Identifiers

def test_a_wrong_enrichment_id_does_not_match(module_sim, strict):
    found, token = strict.submit(module_sim)
    assert strict.call_back(token, harness.result(str(uuid.uuid4()))) == "mismatched"
    assert strict.request(found["id"])["state"] == "pending"
    assert strict.call_back(token, harness.result(found["enrichment_id"])) == "matched"


def test_a_callback_without_identifier_does_not_match(module_sim, strict):
    found, token = strict.submit(module_sim)
    assert strict.call_back(token, harness.result(None)) == "mismatched"
    assert strict.request(found["id"])["state"] == "pending"


def test_the_enrichment_id_of_another_submission_does_not_match(module_sim, strict):
    first, token = strict.submit(module_sim)
    second, _ = strict.submit(module_sim)
    assert strict.call_back(token, harness.result(second["enrichment_id"])) == "mismatched"
    assert {strict.request(one["id"])["state"] for one in (first, second)} == {"pending"}


def test_corrupted_callbacks_of_the_simulator(new_prontod):
    for key in ("corrupt_custom", "corrupt_enrichment_id"):
        sim = simulator.Simulator(harness.PRONTO_SIM, "--delay", "1h", "--behaviour", f"{key}=1")
        try:
            prontod = new_prontod(sim.url).start()
            request = prontod.post("/v1/requests", harness.contact(custom={"row": 1}))
            prontod.wait_state(request["id"], "pending") # before that its token alone would identify it
            sim.flush()
            sim.wait(callbacks=1)
            assert [one["state"] for one in prontod.items("/v1/callbacks")] == ["mismatched"]
            assert prontod.wait_state(request["id"], "pending")["result"] is None
        finally:
            sim.close()


# Batches

def batch(prontod, sim, *contacts):
    return prontod.submit_batch(sim, [harness.contact(**fields) for fields in contacts])


def test_in_a_batch_custom_selects_the_contact(module_sim, strict):
    found, token = batch(strict, module_sim, {"custom": {"row": 1}}, {"custom": {"row": 2}})
    job = found[0]["enrichment_id"]
    assert strict.call_back(token, harness.result(job, custom={"row": 2})) == "matched"
    assert [strict.request(one["id"])["state"] for one in found] == ["pending", "finished"]
    assert strict.call_back(token, harness.result(job, custom={"row": 2})) == "duplicate"
    assert strict.call_back(token, harness.result(job, custom={"row": 3})) == "mismatched"
    assert strict.call_back(token, harness.result(job, custom={"row": 1})) == "matched"


GRACE = {"firstname": "Grace", "lastname": "Hopper"}
GRACE_BACK = {"first_name": "Grace", "last_name": "Hopper"}


@pytest.mark.parametrize("custom", [None, {"list": 9}])
def test_in_a_batch_equal_or_absent_custom_falls_back_to_names(module_sim, strict, custom):
    found, token = batch(strict, module_sim, {"custom": custom}, GRACE | {"custom": custom})
    job = found[0]["enrichment_id"]
    assert strict.call_back(token, harness.result(job, custom=custom, **GRACE_BACK)) == "matched"
    assert [strict.request(one["id"])["state"] for one in found] == ["pending", "finished"]


def test_in_a_batch_a_callback_without_custom_falls_back_to_names(module_sim, strict):
    found, token = batch(strict, module_sim, {"custom": {"row": 1}}, GRACE | {"custom": {"row": 2}})
    assert strict.call_back(token, harness.result(found[0]["enrichment_id"], **GRACE_BACK)) == "matched"
    assert [strict.request(one["id"])["state"] for one in found] == ["pending", "finished"]


def test_in_a_batch_names_that_nobody_has_are_unmatched(module_sim, strict):
    found, token = batch(strict, module_sim, {}, GRACE)
    body = harness.result(found[0]["enrichment_id"], first_name="Augusta", last_name="King")
    assert strict.call_back(token, body) == "unmatched"
    assert {strict.request(one["id"])["state"] for one in found} == {"pending"}


def test_in_a_batch_what_fits_several_is_unmatched_until_matched_by_hand(module_sim, new_prontod):
    prontod = new_prontod(module_sim.url)
    crm = prontod.hook("crm")
    prontod.start()
    found, token = batch(prontod, module_sim, {}, {})
    assert prontod.call_back(token, harness.result(found[0]["enrichment_id"])) == "unmatched"
    callback = prontod.items("/v1/callbacks?state=unmatched")[0]
    prontod.post(f"/v1/callbacks/{callback['id']}/match", {"request_id": found[1]["id"]})
    assert [prontod.request(one["id"])["state"] for one in found] == ["pending", "finished"]
    after = prontod.get(f"/v1/callbacks/{callback['id']}")
    assert (after["state"], after["request_id"]) == ("matched", found[1]["id"])
    assert crm.wait()[0].environ["PRONTO_REQUEST_ID"] == found[1]["id"]


def test_a_mismatched_callback_can_be_matched_by_hand(module_sim, strict):
    found, token = strict.submit(module_sim, custom={"row": 1})
    assert strict.call_back(token, harness.result(found["enrichment_id"], custom={"row": 2})) == "mismatched"
    callback = strict.request(found["id"])["callbacks"] or strict.items("/v1/callbacks?state=mismatched")
    mine = [one["id"] for one in callback if one["enrichment_id"] == found["enrichment_id"]]
    strict.post(f"/v1/callbacks/{mine[0]}/match", {"request_id": found["id"]})
    assert strict.request(found["id"])["state"] == "finished"


# Shared secrets

def test_a_shared_secret_finds_only_by_enrichment_id_and_custom(strict):
    enrichment_id = str(uuid.uuid4())
    registered = strict.register(enrichment_id, custom={"row": 1})
    assert strict.call_back(SECRET, harness.result(enrichment_id, custom={"row": 2})) == "mismatched"
    assert strict.call_back(SECRET, harness.result(str(uuid.uuid4()), custom={"row": 1})) == "unmatched"
    assert strict.call_back(SECRET, harness.result(None)) == "unmatched"
    assert strict.request(registered["id"])["state"] == "pending"
    assert strict.call_back(SECRET, harness.result(enrichment_id, custom={"row": 1})) == "matched"


def test_several_waiting_callbacks_are_matched_at_registration(strict):
    enrichment_id = str(uuid.uuid4())
    states = [strict.call_back(SECRET, harness.result(enrichment_id, email=email))
              for email in ("first@example.com", "second@example.com")]
    assert states == ["unmatched", "unmatched"]
    registered = strict.register(enrichment_id)
    found = strict.request(registered["id"])
    assert found["result"]["email"] == "first@example.com"
    assert sorted(one["state"] for one in found["callbacks"]) == ["duplicate", "matched"]


def test_registering_with_other_custom_leaves_the_callback_unmatched_or_mismatched(strict):
    enrichment_id = str(uuid.uuid4())
    strict.call_back(SECRET, harness.result(enrichment_id, custom={"row": 2}))
    registered = strict.register(enrichment_id, custom={"row": 1})
    assert strict.request(registered["id"])["state"] == "pending"


def test_interim_before_the_registration_is_interim(strict):
    assert strict.call_back(SECRET, harness.result(str(uuid.uuid4()), status="pending")) in ("interim", "unmatched")
