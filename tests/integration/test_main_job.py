"""The main job from end to end: submit, receive, match, fire, ask."""

import json
import random
import re
import uuid

import harness
import simulator
from harness import contact, wait_until

# The example of Pronto's own documentation.
EXAMPLE = ["submit", "--firstname", "Mathieu", "--lastname", "Brun-Picard", "--domain", "prontohq.com",
           "--company-name", "Pronto", "--linkedin-url", "https://www.linkedin.com/in/mathieu-brun-picard/",
           "--type", "phone", "--custom", "hubspot_id=4447901"]
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
RESULT = {"status", "email", "email_status", "personal_email", "personal_email_status", "phones", "custom"}


def test_the_example_from_submit_to_the_hooks_document(sim, new_prontod):
    prontod = new_prontod(sim.url)
    crm = prontod.hook("crm")
    prontod.config["hook crm"]["command"] = f"{crm.path} --from-pronto"
    prontod.start()
    sim.behave(delay="1h")
    submitted = prontod.ctl_json(*EXAMPLE)
    assert submitted["state"] in ("queued", "pending")
    assert prontod.wait_state(submitted["id"], "pending")["result"] is None
    sim.flush()
    run = crm.wait()[0]

    request = prontod.request(submitted["id"])
    sim.wait(callbacks=1)
    sent = sim.submissions()[0]
    called_back = json.loads(sim.log()["callbacks"][0]["body"])
    prontod.private.append(prontod.token_of(sim, sent["enrichment_id"]))
    phone = called_back["phone"][0]
    delivery = prontod.wait_delivery(request["deliveries"][0]["id"], "succeeded")
    document = run.document
    received_at = document.pop("received_at")
    assert document == {
        "event": "finished", "hook": "crm", "delivery_id": delivery["id"], "attempt": 1,
        "request": {
            "id": submitted["id"], "enrichment_id": sent["enrichment_id"], "enrichment_type": "phone",
            "firstname": "Mathieu", "lastname": "Brun-Picard", "domain": "prontohq.com", "company_name": "Pronto",
            "linkedin_url": "https://www.linkedin.com/in/mathieu-brun-picard/", "custom": {"hubspot_id": "4447901"},
            "created_at": request["created_at"]},
        "result": {"status": "finished", "email": None, "email_status": None, "personal_email": None,
                   "personal_email_status": None, "phones": called_back["phone"], "custom": {"hubspot_id": "4447901"}},
        "source": "callback", "raw": called_back}
    for moment in (received_at, request["created_at"], request["submitted_at"], request["finished_at"]):
        assert re.fullmatch(TIME, moment)

    environ = dict(run.environ)
    for name in ("PATH", "HOME", "LANG"):
        assert environ.pop(name)
    for name in ("PRONTO_EMAIL", "PRONTO_EMAIL_STATUS", "PRONTO_PERSONAL_EMAIL", "PRONTO_OMITTED"):  # absent, so empty or not there
        assert environ.pop(name, "") == ""
    assert environ == {
        "PRONTO_EVENT": "finished", "PRONTO_HOOK": "crm", "PRONTO_DELIVERY_ID": delivery["id"], "PRONTO_ATTEMPT": "1",
        "PRONTO_REQUEST_ID": submitted["id"], "PRONTO_ENRICHMENT_ID": sent["enrichment_id"],
        "PRONTO_ENRICHMENT_TYPE": "phone", "PRONTO_STATUS": "finished", "PRONTO_PHONE": phone,
        "PRONTO_CUSTOM_HUBSPOT_ID": "4447901"}
    assert run.argv[-2:] == [str(crm.path), "--from-pronto"]
    assert request["state"] == "finished" and request["source"] == "callback"
    assert set(request["result"]) >= RESULT and request["result"]["phones"] == called_back["phone"]
    assert [one["state"] for one in request["callbacks"]] == ["matched"]


def test_what_is_sent_to_pronto(silent, new_prontod):
    prontod = new_prontod(silent.url).start()
    fields = {"enrichment_type": "phone", "linkedin_url": "https://linkedin.example/in/ada",
              "phone_country_codes": ["FR", "GB"], "company_name": "Example", "custom": {"k": ["custom-value", 1, None]}}
    found, token = prontod.submit(silent, **fields)
    sent = silent.submissions()[0]
    assert (sent["endpoint"], sent["enrichment_type"]) == ("single_enrich", "phone")
    assert sent["phone_country_codes"] == ["FR", "GB"]
    assert sent["webhook_url"] == f"http://127.0.0.1:{prontod.port.number}/callback/{token}"
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)
    one = sent["contacts"][0]
    del one["repeat_of"], one["repeat_while_waiting"]
    assert one == {"firstname": "Ada", "lastname": "Lovelace", "domain": "example.com", "company_name": "Example",
                   "linkedin_url": "https://linkedin.example/in/ada", "custom": {"k": ["custom-value", 1, None]}}
    assert found["state"] == "pending" and found["enrichment_id"] == sent["enrichment_id"]
    assert found["submitted_at"] and not found["finished_at"] and not found["result"]


def test_every_submission_has_a_token_of_its_own(silent, new_prontod):
    prontod = new_prontod(silent.url).start()
    tokens = {prontod.submit(silent)[1] for _ in range(5)}
    assert len(tokens) == 5


def test_submit_with_wait_shows_the_result(sim, new_prontod):
    prontod = new_prontod(sim.url).start()
    shown = prontod.ctl_json("submit", "--firstname", "Ada", "--lastname", "Lovelace", "--domain", "example.com",
                             "--type", "email", "--wait")
    assert shown["state"] == "finished"
    assert shown["result"]["email"] == "ada.lovelace@example.com"


def test_a_callback_before_the_submit_call_is_answered(sim, new_prontod):
    sim.behave(early=1)
    prontod = new_prontod(sim.url)
    crm = prontod.hook("crm")
    prontod.start()
    request = prontod.post("/v1/requests", contact(custom={"k": 1}))
    found = prontod.wait_state(request["id"], "finished")
    sim.wait(callbacks=1, idle="true")
    crm.wait()
    enrichment_id = sim.submissions()[0]["enrichment_id"]
    assert wait_until(lambda: prontod.request(request["id"])["enrichment_id"]) == enrichment_id
    assert found["result"]["email"] == "ada.lovelace@example.com"
    assert [one["state"] for one in prontod.items("/v1/callbacks")] == ["matched"]
    assert crm.runs()[0].document["request"]["enrichment_id"] == enrichment_id
    assert len(prontod.items("/v1/deliveries")) == 1


def test_an_early_callback_of_a_batch(sim, new_prontod):
    sim.behave(early=0.5)
    prontod = new_prontod(sim.url).start()
    answer = prontod.post("/v1/requests", [contact(custom={"row": row}) for row in range(10)], status=202)
    for row, one in enumerate(harness.batch_items(answer)):
        assert prontod.wait_state(one["id"], "finished")["result"]["custom"] == {"row": row}


def test_a_batch_of_100_shuffled_and_some_doubled(sim, new_prontod):
    sim.behave(delay="0-300ms", reorder="300ms", repeat=1, repeat_share=0.4)
    prontod = new_prontod(sim.url)
    crm = prontod.hook("crm", concurrency=16)
    prontod.start()
    contacts = [contact(firstname=f"Ada{row:03}", custom={"row": row, "s": f"custom-value {row}"}) for row in range(100)]
    answer = prontod.post("/v1/requests", contacts, status=202)
    ids = [one["id"] for one in harness.batch_items(answer)]
    assert len(set(ids)) == 100
    sim.wait(finished=100, idle="true")
    runs = crm.wait(100)

    assert [one["endpoint"] for one in sim.submissions()] == ["bulk_enrich"]
    sent = sim.log()["callbacks"]
    assert len(sent) > 100 and all(one["status"] == 200 for one in sent)
    assert [one["contact"] for one in sent if one["copy"] == 0] != list(range(100)), "they came in order"
    for row, one in enumerate(ids):
        found = prontod.request(one)
        assert found["state"] == "finished" and found["result"]["custom"]["row"] == row
        assert found["result"]["email"] == f"ada{row:03}.lovelace@example.com"
        assert len(found["deliveries"]) == 1
    states = [one["state"] for one in prontod.items("/v1/callbacks")]
    assert states.count("matched") == 100
    assert states.count("duplicate") == len(sent) - 100
    assert sorted(run.environ["PRONTO_REQUEST_ID"] for run in runs) == sorted(ids)


def test_an_array_is_one_batch_whatever_batch_says(silent, new_prontod):
    prontod = new_prontod(silent.url).start()
    found, _ = prontod.submit_batch(silent, [contact(custom={"row": 1}), contact(firstname="Grace", lastname="Hopper")])
    assert len({one["enrichment_id"] for one in found}) == 1
    assert silent.log()["counts"]["submissions"] == 1
    assert [one["firstname"] for one in silent.submissions()[0]["contacts"]] == ["Ada", "Grace"]


def test_unmatched_then_registered(new_prontod):
    secret = "secret-" + uuid.uuid4().hex
    prontod = new_prontod(secrets=[secret])
    crm = prontod.hook("crm")
    waiting = prontod.hook("waiting", on="unmatched")
    prontod.start()
    enrichment_id = str(uuid.uuid4())
    body = harness.result(enrichment_id, custom={"row": 7})
    assert prontod.call_back(secret, body) == "unmatched"
    told = waiting.wait()[0].document
    assert told["event"] == "unmatched" and told["raw"] == body
    assert prontod.items("/v1/requests") == [] and crm.count() == 0

    registered = prontod.register(enrichment_id, custom={"row": 7}, firstname="Ada", lastname="Lovelace")
    found = prontod.request(registered["id"])
    assert found["state"] == "finished" and found["result"]["email"] == "ada@example.com"
    assert crm.wait()[0].document["request"]["id"] == registered["id"]
    assert [one["state"] for one in prontod.items("/v1/callbacks")] == ["matched"]
    assert prontod.call_back(secret, body) == "duplicate"


def test_registered_then_called_back(new_prontod):
    secrets = ["secret-" + uuid.uuid4().hex for _ in range(2)]
    prontod = new_prontod(secrets=secrets).start()
    for secret in secrets:
        enrichment_id = str(uuid.uuid4())
        registered = prontod.register(enrichment_id)
        assert registered["state"] == "pending" and registered["enrichment_id"] == enrichment_id
        assert prontod.call_back(secret, harness.result(enrichment_id)) == "matched"
        assert prontod.request(registered["id"])["state"] == "finished"


def test_duplicates_change_nothing_and_differing_ones_are_marked(silent, new_prontod):
    prontod = new_prontod(silent.url)
    crm = prontod.hook("crm")
    prontod.start()
    found, token = prontod.submit(silent)
    body = harness.result(found["enrichment_id"])
    assert prontod.call_back(token, body) == "matched"
    crm.wait()
    assert prontod.call_back(token, body) == "duplicate"
    reordered = dict(reversed(body.items()))
    assert prontod.call_back(token, reordered) == "duplicate"
    other = body | {"email": "other@example.com"}
    assert prontod.call_back(token, other) == "duplicate"
    request = prontod.request(found["id"])
    assert request["result"]["email"] == "ada@example.com"
    marks = [one["differs"] for one in prontod.items("/v1/callbacks?state=duplicate")]
    assert sum(1 for mark in marks if mark) == 1 and len(marks) == 3
    assert len(prontod.items("/v1/deliveries")) == 1 and crm.count() == 1


def test_equal_callbacks_at_the_same_moment_have_one_winner(silent, new_prontod):
    prontod = new_prontod(silent.url)
    prontod.hook("crm")
    prontod.start()
    for _ in range(5):
        found, token = prontod.submit(silent)
        body = harness.result(found["enrichment_id"])
        states = harness.parallel(lambda _, token=token, body=body: prontod.call_back(token, body), range(16))
        assert sorted(states) == ["duplicate"] * 15 + ["matched"]
        assert len(prontod.request(found["id"])["deliveries"]) == 1


def test_an_interim_callback_changes_nothing(silent, new_prontod):
    prontod = new_prontod(silent.url)
    crm = prontod.hook("crm")
    prontod.start()
    found, token = prontod.submit(silent)
    enrichment_id = found["enrichment_id"]
    for status in ("pending", "something-new"):
        assert prontod.call_back(token, harness.result(enrichment_id, status=status)) == "interim"
    assert prontod.request(found["id"])["state"] == "pending"
    assert prontod.items("/v1/deliveries") == []
    assert prontod.call_back(token, harness.result(enrichment_id)) == "matched"
    assert crm.wait()[0].document["result"]["email"] == "ada@example.com"


def test_interim_callbacks_of_the_simulator(sim, new_prontod):
    sim.behave(interim=1, delay="50ms")
    prontod = new_prontod(sim.url).start()
    request = prontod.post("/v1/requests", contact())
    prontod.wait_state(request["id"], "finished")
    sim.wait(callbacks=2)
    assert sorted(one["state"] for one in prontod.items("/v1/callbacks")) == ["interim", "matched"]


def test_everything_survives_a_restart(silent, new_prontod):
    prontod = new_prontod(silent.url).start()
    found, token = prontod.submit(silent, custom={"k": "custom-value"})
    other, _ = prontod.submit(silent)
    assert prontod.call_back(token, harness.result(found["enrichment_id"], custom={"k": "custom-value"})) == "matched"
    before = [prontod.request(found["id"]), prontod.request(other["id"]), prontod.items("/v1/callbacks")]
    prontod.restart()
    assert [prontod.request(found["id"]), prontod.request(other["id"]), prontod.items("/v1/callbacks")] == before


def test_callbacks_in_random_order_for_many_submissions(silent, new_prontod):
    prontod = new_prontod(silent.url).start()
    pairs = [prontod.submit(silent, custom={"n": n}) for n in range(20)]
    order = list(range(20))
    random.Random(4).shuffle(order)
    for n in order:
        found, token = pairs[n]
        assert prontod.call_back(token, harness.result(found["enrichment_id"], custom={"n": n})) == "matched"
    for n, (found, _) in enumerate(pairs):
        assert prontod.request(found["id"])["result"]["custom"] == {"n": n}


def test_two_simulators_do_not_share_tokens(silent, new_prontod):
    """The token of one daemon is unknown to another."""
    other_sim = simulator.Simulator(harness.PRONTO_SIM, "--behaviour", "lose=1", seed=2)
    try:
        first, second = new_prontod(silent.url).start(), new_prontod(other_sim.url).start()
        found, token = first.submit(silent)
        assert second.callback(token, harness.result(found["enrichment_id"])).status == 404
    finally:
        other_sim.close()
