"""The query socket: submitting and registering, and what is refused."""

import json
import uuid

import pytest

import clients
import harness
import simulator
from harness import contact

MEMBERS = {"id", "state", "enrichment_id", "enrichment_type", "firstname", "lastname", "domain", "company_name",
           "linkedin_url", "phone_country_codes", "custom", "created_at", "submitted_at", "finished_at", "result", "error",
           "source"}
LINKEDIN = "https://linkedin.example/in/ada"
NOBODY = "123e4567-e89b-42d3-a456-426614174000"


@pytest.fixture(scope="module", name="module_sim")
def make_module_sim():
    one = simulator.Simulator(harness.PRONTO_SIM, "--behaviour", "lose=1")
    yield one
    one.close()


@pytest.fixture(scope="module", name="daemon")
def make_daemon(module_sim):
    one = harness.Prontod(module_sim.url)
    yield one.start()
    one.close()


def problem(answer, *statuses):
    """The text of an error, which must be a problem of RFC 9457."""
    assert answer.status in statuses, answer
    assert answer.headers["Content-Type"].split(";")[0] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status and body["title"] and isinstance(body["detail"], str)
    return answer.body.decode()


def count(daemon):
    return len(daemon.items("/v1/requests"))


# POST /v1/requests

def test_a_request_is_accepted_with_202_and_all_its_members(daemon):
    fields = {"enrichment_type": "phone", "linkedin_url": LINKEDIN, "company_name": "Example", "phone_country_codes": ["FR"],
              "custom": {"k": "custom-value", "n": 1}}
    answer = daemon.query("POST", "/v1/requests", contact(**fields))
    assert answer.status == 202
    request = answer.json()
    assert set(request) >= MEMBERS
    assert uuid.UUID(request["id"])
    assert request["state"] in ("queued", "pending")
    for name, value in contact(**fields).items():
        assert request[name] == value, name
    assert request["finished_at"] is None and request["error"] is None and request["source"] is None
    shown = daemon.request(request["id"])
    assert set(shown) >= MEMBERS | {"result", "callbacks", "deliveries"}
    assert shown["custom"] == fields["custom"]


def test_the_type_may_be_an_array_of_one(daemon):
    assert daemon.post("/v1/requests", contact(enrichment_type=["email"]), status=202)["enrichment_type"] == "email"


@pytest.mark.parametrize("fields", [
    {"domain": None, "company_name": "Example"}, {"custom": {}}, {"custom": {"deep": {"a": [1, {"b": None}]}}},
    {"enrichment_type": "personal_email", "domain": None, "linkedin_url": LINKEDIN},
    {"firstname": "Ada Augusta", "lastname": "d'\u00c9t\u00e9 \u0416 \U0001f600"}])
def test_right_requests_are_accepted(daemon, fields):
    request = daemon.post("/v1/requests", contact(**fields), status=202)
    shown = daemon.request(request["id"])
    for name, value in contact(**fields).items():
        assert shown[name] == value or (name == "custom" and not value)


@pytest.mark.parametrize("fields, named", [
    ({"firstname": None}, ["firstname"]), ({"lastname": None}, ["lastname"]), ({"firstname": ""}, ["firstname"]),
    ({"firstname": 5}, ["firstname"]), ({"enrichment_type": None}, ["enrichment_type"]),
    ({"enrichment_type": "fax"}, ["enrichment_type"]), ({"enrichment_type": []}, ["enrichment_type"]),
    ({"enrichment_type": ["email", "phone"]}, ["enrichment_type"]), ({"enrichment_type": 1}, ["enrichment_type"]),
    ({"domain": None}, ["domain"]), ({"enrichment_type": "phone"}, ["linkedin_url"]),
    ({"enrichment_type": "personal_email"}, ["linkedin_url"]), ({"linkedin_url": "ada"}, ["linkedin_url"]),
    ({"linkedin_url": 5}, ["linkedin_url"]), ({"custom": "x"}, ["custom"]), ({"custom": [1]}, ["custom"]),
    ({"phone_country_codes": "FR"}, ["phone_country_codes"]), ({"phone_country_codes": ["France"]}, ["phone_country_codes"]),
    ({"phone_country_codes": [33]}, ["phone_country_codes"]),
    ({"firstname": None, "lastname": "", "enrichment_type": "phone", "custom": 5},
     ["firstname", "lastname", "linkedin_url", "custom"])])
def test_wrong_fields_are_422_and_each_is_named(daemon, fields, named):
    before = count(daemon)
    text = problem(daemon.query("POST", "/v1/requests", contact(**fields)), 422)
    assert [name for name in named if name not in text] == []
    assert count(daemon) == before


@pytest.mark.parametrize("name", ["webhook_url", "first_name", "enrichmenttype", "id", "x"])
def test_unknown_fields_are_refused_and_named(daemon, name):
    before = count(daemon)
    text = problem(daemon.query("POST", "/v1/requests", contact() | {name: "https://example.com/x"}), 400, 422)
    assert name in text
    assert count(daemon) == before


@pytest.mark.parametrize("body", [
    b"", b"{", b"null", b"5", b'"x"', b"{'a':1}", b'{"firstname":NaN}', b'{"firstname":"\xff"}', b"{} {}", b'{"a\\u0000":1}',
    b'{"custom":' + b'{"a":' * 40 + b"1" + b"}" * 41, b"[1]", b"[[]]", b"[]", b"[null, null]"], ids=range(15))
def test_bodies_that_are_no_contact(daemon, body):
    before = count(daemon)
    problem(daemon.query("POST", "/v1/requests", body), 400, 422)
    assert count(daemon) == before


def test_a_body_far_too_large_is_refused(daemon):
    before = count(daemon)
    body = json.dumps(contact(custom={"k": "x" * (64 * 1024 * 1024)}))
    try:
        assert daemon.query("POST", "/v1/requests", body).status in (400, 413, 422)
    except (BrokenPipeError, ConnectionResetError):
        pass  # closed before it was all sent
    assert count(daemon) == before
    assert daemon.query("GET", "/v1/status").status == 200


def test_a_batch_is_refused_as_a_whole(daemon):
    before = count(daemon)
    text = problem(daemon.query("POST", "/v1/requests", [contact(), contact(lastname=None)]), 422)
    assert "lastname" in text
    problem(daemon.query("POST", "/v1/requests", [contact()] * 101), 400, 422)
    assert count(daemon) == before


def test_a_batch_of_100_is_accepted(daemon):
    answer = daemon.query("POST", "/v1/requests", [contact(custom={"row": row}) for row in range(100)])
    assert answer.status == 202
    items = harness.batch_items(answer.json())
    assert [one["custom"]["row"] for one in items] == list(range(100))


# Idempotency-Key

def key(name):
    return {"Idempotency-Key": name}


def test_an_idempotency_key_gives_the_same_request(module_sim, daemon):
    name, other = str(uuid.uuid4()), str(uuid.uuid4())
    first = daemon.post("/v1/requests", contact(custom={"a": 1, "b": 2}), headers=key(name))
    before = count(daemon)
    again = daemon.post("/v1/requests", contact(custom={"a": 1, "b": 2}), headers=key(name))
    assert again["id"] == first["id"] and count(daemon) == before
    problem(daemon.query("POST", "/v1/requests", contact(firstname="Grace"), key(name)), 409)
    assert count(daemon) == before
    assert daemon.post("/v1/requests", contact(custom={"a": 1, "b": 2}), headers=key(other))["id"] != first["id"]
    assert daemon.post("/v1/requests", contact(custom={"a": 1, "b": 2}))["id"] != first["id"]
    daemon.wait_state(first["id"], "pending")
    assert daemon.post("/v1/requests", contact(custom={"a": 1, "b": 2}), headers=key(name))["id"] == first["id"]
    assert module_sim.log()["counts"]["repeats"] >= 0


def test_an_idempotency_key_holds_across_a_restart(silent, new_prontod):
    prontod = new_prontod(silent.url).start()
    first = prontod.post("/v1/requests", contact(), headers=key("import-17"))
    prontod.restart()
    assert prontod.post("/v1/requests", contact(), headers=key("import-17"))["id"] == first["id"]
    assert prontod.query("POST", "/v1/requests", contact(lastname="Hopper"), key("import-17")).status == 409


def test_with_an_idempotency_key_an_array_is_one_thing(daemon):
    name = str(uuid.uuid4())
    contacts = [contact(), contact(firstname="Grace")]
    first = [one["id"] for one in harness.batch_items(daemon.post("/v1/requests", contacts, headers=key(name)))]
    again = [one["id"] for one in harness.batch_items(daemon.post("/v1/requests", contacts, headers=key(name)))]
    assert again == first
    problem(daemon.query("POST", "/v1/requests", contacts[::-1], key(name)), 409)
    problem(daemon.query("POST", "/v1/requests", contact(), key(name)), 409)


def test_equal_keys_at_the_same_moment_give_one_request(daemon):
    name = str(uuid.uuid4())
    before = count(daemon)
    ids = harness.parallel(lambda _: daemon.post("/v1/requests", contact(), headers=key(name))["id"], range(12))
    assert len(set(ids)) == 1 and count(daemon) == before + 1


# POST /v1/requests/register

def test_registering(daemon):
    one = str(uuid.uuid4())
    fields = {"custom": {"row": 1}, "firstname": "Ada", "lastname": "Lovelace", "domain": "example.com"}
    first = daemon.register(one, **fields)
    assert set(first) >= MEMBERS and first["state"] == "pending" and first["enrichment_id"] == one
    assert {name: first[name] for name in fields} == fields
    assert daemon.register(one, status=200, **fields)["id"] == first["id"]
    problem(daemon.query("POST", "/v1/requests/register", {"enrichment_id": one, "enrichment_type": "email"}), 409)
    problem(daemon.query("POST", "/v1/requests/register",
                         {"enrichment_id": one, "enrichment_type": "email"} | fields | {"custom": {"row": 2}}), 409)
    assert daemon.get(f"/v1/requests/{one}")["id"] == first["id"]


@pytest.mark.parametrize("body, named", [
    ({"enrichment_type": "email"}, "enrichment_id"), ({"enrichment_id": "", "enrichment_type": "email"}, "enrichment_id"),
    ({"enrichment_id": 5, "enrichment_type": "email"}, "enrichment_id"), ({"enrichment_id": "x1"}, "enrichment_type"),
    ({"enrichment_id": "x1", "enrichment_type": "fax"}, "enrichment_type"),
    ({"enrichment_id": "x1", "enrichment_type": "email", "custom": 5}, "custom"),
    ({"enrichment_id": "x1", "enrichment_type": "email", "webhook_url": "https://example.com/"}, "webhook_url"),
    ({"enrichment_id": "x1", "enrichment_type": "email", "firstname": 5}, "firstname")])
def test_wrong_registrations_are_refused_and_the_field_is_named(daemon, body, named):
    before = count(daemon)
    assert named in problem(daemon.query("POST", "/v1/requests/register", body), 400, 422)
    assert count(daemon) == before


# GET /v1/requests/{id}

def test_a_request_by_its_enrichment_id(module_sim, daemon):
    found, _ = daemon.submit(module_sim)
    assert daemon.get(f"/v1/requests/{found['enrichment_id']}") == daemon.request(found["id"])


def test_an_enrichment_id_that_a_batch_shares_is_409(module_sim, daemon):
    found, _ = daemon.submit_batch(module_sim, [contact(), contact(firstname="Grace")])
    job = found[0]["enrichment_id"]
    text = problem(daemon.query("GET", f"/v1/requests/{job}"), 409)
    assert "enrichment_id" in text
    listed = daemon.items(f"/v1/requests?enrichment_id={job}")
    assert {one["id"] for one in listed} == {one["id"] for one in found}


def test_wait_answers_when_the_request_finishes(module_sim, daemon):
    found, token = daemon.submit(module_sim)
    waiting = []

    def wait(_):
        connection = clients.UnixConnection(str(daemon.socket), harness.PATIENCE)
        connection.connect()
        waiting.append(connection)
        return clients.request(connection, "GET", f"/v1/requests/{found['id']}?wait=30").json()

    def finish(_):
        harness.wait_until(lambda: len(waiting) == 3)
        daemon.call_back(token, harness.result(found["enrichment_id"]))

    answers = harness.parallel(lambda number: (finish if number == 3 else wait)(number), range(4))
    assert [one["state"] for one in answers[:3]] == ["finished"] * 3
    assert daemon.get(f"/v1/requests/{found['id']}?wait=30")["state"] == "finished", "at once"


def test_wait_gives_up(module_sim, daemon):
    found, _ = daemon.submit(module_sim)
    assert daemon.get(f"/v1/requests/{found['id']}?wait=1")["state"] == "pending"


@pytest.mark.parametrize("wait", ["x", "-1", "1e3", "99999999999999999999"])
def test_a_wrong_wait_is_400(module_sim, daemon, wait):
    found, _ = daemon.submit(module_sim)
    problem(daemon.query("GET", f"/v1/requests/{found['id']}?wait={wait}", timeout=10), 400)


def test_many_waiting_clients_do_not_hold_up_others(module_sim, daemon):
    found, token = daemon.submit(module_sim)
    connections = []
    for _ in range(50):
        connection = clients.UnixConnection(str(daemon.socket), harness.PATIENCE)
        connection.request("GET", f"/v1/requests/{found['id']}?wait=30")
        connections.append(connection)
    assert daemon.query("GET", "/v1/status").status == 200
    daemon.call_back(token, harness.result(found["enrichment_id"]))
    for connection in connections:
        assert json.loads(connection.getresponse().read())["state"] == "finished"
        connection.close()


# What is not there

@pytest.mark.parametrize("path", [
    f"/v1/requests/{NOBODY}", "/v1/requests/nonsense", "/v1/requests/..%2f", f"/v1/callbacks/{NOBODY}",
    "/v1/callbacks/1", f"/v1/deliveries/{NOBODY}", "/v1/deliveries/x", "/v1/nothing", "/", "/v2/status", "/v1/requests/x/y/z",
    "/v1/requests/" + "a" * 3000, "/v1/requests/'%20OR%201=1"])
def test_unknown_things_are_404(daemon, path):
    problem(daemon.query("GET", path), 404)


def test_posts_to_unknown_things_are_404(module_sim, daemon):
    found, _ = daemon.submit(module_sim)
    nobody = str(uuid.uuid4())
    problem(daemon.query("POST", f"/v1/deliveries/{nobody}/retry"), 404)
    problem(daemon.query("POST", f"/v1/callbacks/{nobody}/match", {"request_id": found["id"]}), 404)


@pytest.mark.parametrize("method, path", [("DELETE", "/v1/status"), ("PUT", "/v1/requests"), ("POST", "/v1/hooks"), ("FOO", "/v1/requests")])
def test_wrong_methods_are_refused(daemon, method, path):
    problem(daemon.query(method, path, {} if method != "DELETE" else None), 404, 405, 501)


def test_status(daemon):
    answer = daemon.query("GET", "/v1/status")
    assert answer.headers["Content-Type"].split(";")[0] == "application/json"
    assert isinstance(answer.json(), dict) and answer.json()


def test_no_answer_holds_a_secret(module_sim, daemon):
    found, token = daemon.submit(module_sim)
    for path in ("/v1/status", "/v1/requests", f"/v1/requests/{found['id']}", "/v1/hooks", "/v1/callbacks", "/v1/deliveries"):
        text = daemon.query("GET", path).body.decode()
        assert daemon.api_key not in text and token not in text
