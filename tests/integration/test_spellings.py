"""Every form in which Pronto is known to write a result, and the one form that prontod makes of it."""

import json

import pytest

import harness
import simulator

ABSENT = {"email": None, "email_status": None, "personal_email": None, "personal_email_status": None, "phones": [],
          "custom": None}
# What stands in the callback beside its names and identifier; and what is different from ABSENT in the result.
FORMS = [
    ("documented", {"status": "finished", "email": "ada@example.com", "email_status": "deliverable",
                    "personal_email": "ada@example.org", "personal_email_status": "valid", "phone": ["+12015550123"]},
     {"email": "ada@example.com", "email_status": "deliverable", "personal_email": "ada@example.org",
      "personal_email_status": "valid", "phones": ["+12015550123"]}),
    ("nothing found", {"status": "finished"}, {}),
    ("nulls", {"status": "finished", "email": None, "email_status": None, "personal_email": None,
               "personal_email_status": None, "phone": None}, {}),
    ("no phones", {"status": "finished", "phone": []}, {}),
    ("several phones", {"status": "finished", "phone": ["+12015550123", "+12015550124"]},
     {"phones": ["+12015550123", "+12015550124"]}),
    ("phones", {"status": "finished", "phones": ["+12015550123"]}, {"phones": ["+12015550123"]}),
    ("phone string", {"status": "finished", "phone": "+12015550123"}, {"phones": ["+12015550123"]}),
    ("phones string", {"status": "finished", "phones": "+12015550123"}, {"phones": ["+12015550123"]}),
    ("phone objects", {"status": "finished", "phone": [{"number": "+12015550123", "type": "mobile"}]},
     {"phones": ["+12015550123"]}),
    ("phones objects", {"status": "finished", "phones": [{"number": "+12015550123", "type": "mobile"},
                                                         {"number": "+12015550124"}]},
     {"phones": ["+12015550123", "+12015550124"]}),
    ("phone status", {"status": "finished", "phone": ["+12015550123"], "phone_status": "valid"},
     {"phones": ["+12015550123"]}),
    ("synchronous success", {"status": "success", "email": "ada@example.com", "email_status": "valid"},
     {"email": "ada@example.com", "email_status": "valid"}),
    ("no status", {"email": "ada@example.com", "email_status": "catch-all"},
     {"email": "ada@example.com", "email_status": "catch-all"}),
    ("null status", {"status": None, "email": "ada@example.com"}, {"email": "ada@example.com"}),
    ("status N/A", {"status": "finished", "email": None, "email_status": "N/A"}, {"email_status": "N/A"}),
    ("unknown email status", {"status": "finished", "email": "ada@example.com", "email_status": "brand new"},
     {"email": "ada@example.com", "email_status": "brand new"}),
    ("linkedin", {"status": "finished", "email": "ada@example.com",
                  "linkedin_profile_url": "https://linkedin.example/in/ada"}, {"email": "ada@example.com"}),
    ("unknown fields", {"status": "finished", "email": "ada@example.com", "score": {"deep": [1, 2.50, None]}},
     {"email": "ada@example.com"}),
]
# How the identifier is written.
IDENTIFIERS = [
    ("enrichment_id", lambda one: {"enrichment_id": one}),
    ("id", lambda one: {"id": one}),
    ("contact.id", lambda one: {"contact": {"id": one}}),
    ("both", lambda one: {"enrichment_id": one, "id": "123e4567-e89b-12d3-a456-426614174000"}),
]


@pytest.fixture(scope="module", name="module_sim")
def make_module_sim():
    one = simulator.Simulator(harness.PRONTO_SIM, "--behaviour", "lose=1")
    yield one
    one.close()


@pytest.fixture(scope="module", name="daemon")
def make_daemon(module_sim):
    one = harness.Prontod(module_sim.url)
    one.hook("crm")
    yield one.start()
    one.close()


def check(daemon, module_sim, body_of, expected, final):
    found, token = daemon.submit(module_sim)
    body = body_of(found["enrichment_id"])
    assert daemon.call_back(token, body) == "matched"
    request = daemon.request(found["id"])
    assert request["state"] == "finished"
    result = dict(request["result"])
    status = result.pop("status")
    assert status in final
    assert result.pop("custom", None) in (None, {})
    for name in set(result) - set(ABSENT):
        del result[name]
    assert result == {name: value for name, value in (ABSENT | expected).items() if name != "custom"}
    runs = daemon.hooks["crm"]
    document = harness.wait_until(
        lambda: next((run.document for run in runs.runs() if run.environ["PRONTO_REQUEST_ID"] == found["id"]), None))
    assert document["raw"] == body
    assert {name: document["result"][name] for name in result} == result


@pytest.mark.parametrize("fields, expected", [form[1:] for form in FORMS], ids=[form[0] for form in FORMS])
def test_forms_of_a_result(daemon, module_sim, fields, expected):
    final = {fields.get("status"), "finished"}
    check(daemon, module_sim, lambda one: {"enrichment_id": one, "first_name": "Ada", "last_name": "Lovelace"} | fields,
          expected, final)


@pytest.mark.parametrize("spell", [one[1] for one in IDENTIFIERS], ids=[one[0] for one in IDENTIFIERS])
def test_forms_of_the_identifier(daemon, module_sim, spell):
    check(daemon, module_sim, lambda one: spell(one) | {"status": "finished", "email": "ada@example.com"},
          {"email": "ada@example.com"}, {"finished"})


def test_a_wrong_id_beside_no_enrichment_id_does_not_match(daemon, module_sim):
    _, token = daemon.submit(module_sim)
    body = {"id": "123e4567-e89b-12d3-a456-426614174000", "status": "finished"}
    assert daemon.call_back(token, body) == "mismatched"


@pytest.mark.parametrize("fields", [
    {"email": 5}, {"email": {"a": 1}}, {"email": ["ada@example.com"]}, {"phone": 12015550123}, {"phone": [None, 5, {}, []]},
    {"phone": {"number": "+12015550123"}}, {"email_status": False}, {"first_name": 5}, {"last_name": None}])
def test_values_of_an_unexpected_type_end_in_no_error(daemon, module_sim, fields):
    found, token = daemon.submit(module_sim)
    answer = daemon.callback(token, harness.result(found["enrichment_id"]) | fields)
    assert answer.status == 200
    assert daemon.request(found["id"])["state"] in ("finished", "pending")


@pytest.mark.parametrize("status", [5, True, {}, []])
def test_a_status_of_an_unexpected_type_is_not_final(daemon, module_sim, status):
    found, token = daemon.submit(module_sim)
    assert daemon.call_back(token, harness.result(found["enrichment_id"]) | {"status": status}) == "interim"


@pytest.mark.parametrize("spelling", [
    "phone_array", "phones", "phone_string", "phone_objects", "phone_status", "id", "contact_id", "success", "no_status",
    "linkedin_profile_url", "nulls", "no_names"])
def test_spellings_of_the_simulator(new_prontod, spelling):
    """Those of the identifier are also in the answer to the submission."""
    sim = simulator.Simulator(harness.PRONTO_SIM, "--behaviour", f"spelling={spelling}")
    try:
        prontod = new_prontod(sim.url).start()
        fields = {"enrichment_type": "phone", "linkedin_url": "https://linkedin.example/in/ada", "custom": {"row": 1}}
        request = prontod.post("/v1/requests", harness.contact(**fields))
        found = prontod.wait_state(request["id"], "finished")
        sim.wait(callbacks=1)
        sent = json.loads(sim.log()["callbacks"][0]["body"])
        assert found["enrichment_id"] == sim.submissions()[0]["enrichment_id"]
        assert len(found["result"]["phones"]) == 1
        assert found["result"]["phones"][0] in json.dumps(sent)
        assert found["result"]["custom"] == {"row": 1}
    finally:
        sim.close()


@pytest.mark.parametrize("status", [200, 201, 202, 206])
def test_any_2xx_accepts_a_submission(new_prontod, status):
    sim = simulator.Simulator(harness.PRONTO_SIM, "--behaviour", f"success_status={status}")
    try:
        prontod = new_prontod(sim.url).start()
        request = prontod.post("/v1/requests", harness.contact())
        prontod.wait_state(request["id"], "finished")
        assert sim.log()["counts"]["submissions"] == 1
    finally:
        sim.close()
