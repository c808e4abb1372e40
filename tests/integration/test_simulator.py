"""pronto-sim from outside: every endpoint, what it refuses, and each way in which it misbehaves."""

import email.utils
import http.client
import http.server
import json
import os
import pathlib
import queue
import re
import signal
import socket
import subprocess
import threading
import time
import uuid

import pytest

BUILD = pathlib.Path(os.environ.get("PRONTO_BUILD", pathlib.Path(__file__).parents[2] / "build"))
PROGRAM = BUILD / "tests" / "simulator" / "pronto-sim"
MANUAL = pathlib.Path(__file__).parents[2] / "docs" / "pronto-sim.1"
PATIENCE = 30  # seconds until a test gives up; never how long it takes


class Simulator:
    """The program, and calls of it."""

    def __init__(self, *options):
        self.process = subprocess.Popen([PROGRAM, "--listen", "127.0.0.1:0", *options],
                                        stdout=subprocess.PIPE, text=True)
        self.line = self.process.stdout.readline()
        found = re.fullmatch(r"pronto-sim: listening on http://127\.0\.0\.1:(\d+)/api/v2\n", self.line)
        assert found, self.line
        self.port = int(found[1])

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self.process.stdout.close()
        return code

    def http(self, method, path, body=None, headers=None, timeout=PATIENCE):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def call(self, method, path, body=None, key="key-1", timeout=PATIENCE):
        headers = {"X-API-KEY": key} if key else {}
        text = body if isinstance(body, (bytes, type(None))) else json.dumps(body)
        status, _, answer = self.http(method, "/api/v2" + path, text, headers, timeout)
        return status, json.loads(answer)

    def control(self, method, path, body=None):
        status, _, answer = self.http(method, "/_sim/" + path, json.dumps(body) if body is not None else None)
        assert status == 200, answer
        return json.loads(answer)

    def behave(self, **keys):
        return self.control("POST", "behaviour", keys)

    def log(self):
        return self.control("GET", "log")

    def wait(self, **counts):
        query = "&".join(f"{name}={value}" for name, value in counts.items())
        answer = self.control("GET", f"wait?{query}&timeout={PATIENCE}")
        assert answer["reached"], answer
        return answer

    def single(self, **fields):
        return self.call("POST", "/contacts/single_enrich", contact(**fields))

    def bulk(self, contacts, **fields):
        body = {"contacts": contacts, "enrichment_type": ["email"]} | fields
        return self.call("POST", "/contacts/bulk_enrich", body)


class Receiver(http.server.ThreadingHTTPServer):
    """Takes callbacks and answers them with `status`."""

    daemon_threads = True

    def __init__(self):
        self.got = queue.Queue()
        self.status = 200
        self.answer = b'{"seen":true}'
        super().__init__(("127.0.0.1", 0), ReceiverHandler)
        self.url = f"http://127.0.0.1:{self.server_port}/callback/token"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def next_raw(self):
        return self.got.get(timeout=PATIENCE)

    def next(self):
        return json.loads(self.next_raw()[1])

    def close(self):
        self.shutdown()
        self.server_close()


class ReceiverHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def read_body(self):
        if "Content-Length" in self.headers:
            return self.rfile.read(int(self.headers["Content-Length"]))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def do_POST(self):
        self.server.got.put((self.headers, self.read_body()))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def program():
    simulator = Simulator("--seed", "1", "--delay", "0")
    yield simulator
    assert simulator.stop() == 0


@pytest.fixture
def sim(program):
    program.control("DELETE", "behaviour")
    program.control("POST", "flush")
    program.wait(idle="true")  # what the last test left behind is over
    program.control("DELETE", "log")
    return program


@pytest.fixture
def receiver():
    server = Receiver()
    yield server
    server.close()


def contact(**fields):
    """A valid submission; None leaves a field out."""
    whole = {"firstname": "Ada", "lastname": "Lovelace", "domain": "example.com",
             "enrichment_type": ["email"]} | fields
    return {name: value for name, value in whole.items() if value is not None}


def phone(**fields):
    return contact(enrichment_type=["phone"], linkedin_url="https://linkedin.example/in/ada", **fields)


# The program

def test_help_names_every_option():
    text = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout
    for option in ("--listen", "--api-key", "--seed", "--delay", "--behaviour", "--help", "--version"):
        assert option in text


def test_version():
    text = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"pronto-sim \d+\.\d+\.\d+\n", text)


@pytest.mark.parametrize("options", [
    ["--nonsense"], ["argument"], ["--seed", "x"], ["--delay", "soon"], ["--delay", "2s-1s"],
    ["--behaviour", "lose"], ["--behaviour", "nonsense=1"], ["--behaviour", "lose=2"]])
def test_wrong_options_are_refused(options):
    run = subprocess.run([PROGRAM, "--listen", "127.0.0.1:0", *options], capture_output=True, text=True,
                         timeout=PATIENCE)
    assert run.returncode == 2
    assert run.stderr and not run.stdout


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1", "127.0.0.1:99999", "localhost:x", "203.0.113.1:1"])
def test_wrong_addresses_are_refused(address):
    run = subprocess.run([PROGRAM, "--listen", address], capture_output=True, text=True, timeout=PATIENCE)
    assert run.returncode == 1
    assert address in run.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_whatever_waits(number):
    simulator = Simulator("--behaviour", "hang=true", "--behaviour", "poll_hang=headers")
    connections = [socket.create_connection(("127.0.0.1", simulator.port)) for _ in range(3)]
    connections[0].sendall(b"POST /api/v2/contacts/single_enrich HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
    connections[1].sendall(b"GET /api/v2/contacts/x HTTP/1.1\r\nHost: x\r\n\r\n")
    connections[2].sendall(b"GET /_sim/wait?callbacks=1&timeout=300 HTTP/1.1\r\nHost: x\r\n\r\n")
    simulator.wait(calls=2)
    assert simulator.stop(number) == 0
    for connection in connections:
        connection.close()


def test_the_manual_has_every_key(sim):
    text = MANUAL.read_text().replace("\\-", "-")
    for key in sim.control("GET", "behaviour"):
        assert re.search(rf"\b{key}\b", text), key


def test_a_seed_makes_a_run_repeatable(receiver):
    def run(seed):
        simulator = Simulator("--seed", seed, "--delay", "0", "--behaviour", "empty_share=0.5")
        answers = [simulator.single(firstname=f"Name{i}", webhook_url=receiver.url)[1] for i in range(8)]
        simulator.wait(callbacks=8)
        bodies = sorted(receiver.next_raw()[1] for _ in range(8))
        assert simulator.stop() == 0
        return answers, bodies

    first = run("7")
    assert run("7") == first
    assert run("8") != first


# The endpoints

def test_single(sim, receiver):
    custom = {"hubspot_id": "4447901", "n": 12345678901234567890}
    status, answer = sim.single(custom=custom, webhook_url=receiver.url)
    assert status == 202
    assert uuid.UUID(answer["enrichment_id"]).version == 4
    assert answer == {"enrichment_id": answer["enrichment_id"], "first_name": "Ada", "last_name": "Lovelace",
                      "status": "pending", "custom": custom}
    headers, body = receiver.next_raw()
    body = json.loads(body)
    assert headers["Content-Type"] == "application/json"
    assert body.pop("email_status") in ("deliverable", "valid", "catch-all")
    assert body == {"enrichment_id": answer["enrichment_id"], "first_name": "Ada", "last_name": "Lovelace",
                    "status": "finished", "email": "ada.lovelace@example.com", "custom": custom}


def test_bulk_calls_back_for_each_contact(sim, receiver):
    contacts = [contact(firstname=f"Ada{i}", custom={"row": i}, enrichment_type=None) for i in range(3)]
    status, answer = sim.bulk(contacts, webhook_url=receiver.url)
    assert (status, answer["status"]) == (202, "queued")
    sim.wait(callbacks=3)
    bodies = [receiver.next() for _ in range(3)]
    assert {body["enrichment_id"] for body in bodies} == {answer["enrichment_id"]}
    assert sorted(body["custom"]["row"] for body in bodies) == [0, 1, 2]
    for body in bodies:
        assert body["first_name"] == f"Ada{body['custom']['row']}"


def test_polling(sim):
    sim.behave(delay="1h")
    _, answer = sim.single(custom={"a": 1})
    path = "/contacts/" + answer["enrichment_id"]
    status, body = sim.call("GET", path)
    assert (status, body["status"], body["custom"]) == (200, "pending", {"a": 1})
    assert "email" not in body
    sim.control("POST", "flush")
    sim.wait(finished=1)
    status, body = sim.call("GET", path.upper().replace("/CONTACTS", "/contacts"))
    assert (status, body["status"], body["email"]) == (200, "finished", "ada.lovelace@example.com")
    assert body["custom"] == {"a": 1}


@pytest.mark.parametrize("name", ["123e4567-e89b-12d3-a456-426614174000", "nonsense"])
def test_polling_something_unknown(sim, name):
    assert sim.call("GET", "/contacts/" + name)[0] == 404


def test_a_batch_has_no_result_to_poll(sim):
    _, answer = sim.bulk([contact(), contact(firstname="Grace")])
    assert sim.call("GET", "/contacts/" + answer["enrichment_id"])[0] == 404


def test_finds_are_paid(sim):
    assert sim.behave(credits=100)["credits"] == 100
    sim.call("POST", "/contacts/single_enrich", phone())
    sim.single()
    sim.wait(finished=2)
    assert sim.call("GET", "/credits") == (200, {"credits": 67, "credits_spent": 33})
    sim.behave(empty_share=1)
    sim.single(firstname="Grace")
    sim.wait(finished=3)
    assert sim.call("GET", "/credits")[1]["credits"] == 67
    sim.behave(credits=2)
    status, body = sim.single()
    assert status == 422 and "enrichment credits" in body["error"]


def test_account(sim):
    status, body = sim.call("GET", "/account")
    assert status == 200 and body["email"].endswith("@example.com")


@pytest.mark.parametrize("method, path, status, allow", [
    ("GET", "/contacts/single_enrich", 404, None), ("DELETE", "/contacts/x", 405, "GET"),
    ("POST", "/credits", 405, "GET"), ("GET", "/nothing", 404, None)])
def test_other_calls(sim, method, path, status, allow):
    answer = sim.http(method, "/api/v2" + path, headers={"X-API-KEY": "k"})
    assert answer[0] == status
    assert answer[1]["Allow"] == allow


@pytest.mark.parametrize("method, path", [
    ("POST", "/contacts/single_enrich"), ("POST", "/contacts/bulk_enrich"), ("GET", "/contacts/x"),
    ("GET", "/credits"), ("GET", "/account")])
@pytest.mark.parametrize("key", [None, ""])
def test_every_call_needs_a_key(sim, method, path, key):
    headers = {} if key is None else {"X-API-KEY": key}
    status, _, body = sim.http(method, "/api/v2" + path, "{}" if method == "POST" else None, headers)
    assert (status, json.loads(body)) == (401, {"error": "Unauthorized"})


def test_only_one_key_when_told():
    simulator = Simulator("--api-key", "right")
    assert simulator.call("GET", "/credits", key="right")[0] == 200
    assert simulator.call("GET", "/credits", key="wrong")[0] == 401
    assert simulator.stop() == 0


# What it refuses

@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"a":NaN}', b'{"a":"\xff"}', b"{} {}"])
def test_what_is_no_object_is_refused(sim, body):
    assert sim.call("POST", "/contacts/single_enrich", body)[0] == 400


def test_a_body_too_large_is_refused(sim):
    status, _ = sim.call("POST", "/contacts/single_enrich", b" " * (9 * 1024 * 1024))
    assert status == 413


@pytest.mark.parametrize("fields, named", [
    ({"firstname": None}, "firstname"), ({"firstname": ""}, "firstname"), ({"lastname": None}, "lastname"),
    ({"firstname": 5}, "firstname"), ({"domain": None}, "domain or company_name"),
    ({"domain": None, "linkedin_url": "https://linkedin.example/in/ada"}, "domain or company_name"),
    ({"enrichment_type": None}, "enrichment_type"), ({"enrichment_type": "email"}, "enrichment_type"),
    ({"enrichment_type": []}, "enrichment_type"), ({"enrichment_type": ["fax"]}, "enrichment_type"),
    ({"enrichment_type": ["email", "phone"]}, "enrichment_type"),
    ({"enrichment_type": ["phone"]}, "linkedin_url"), ({"enrichment_type": ["personal_email"]}, "linkedin_url"),
    ({"linkedin_url": "ada"}, "linkedin_url"), ({"webhook_url": "ftp://127.0.0.1/"}, "webhook_url"),
    ({"webhook_url": "/callback"}, "webhook_url"), ({"webhook_url": "http://"}, "webhook_url"),
    ({"webhook_url": "http://a b/"}, "webhook_url"), ({"webhook_url": 5}, "webhook_url"),
    ({"custom": "x"}, "custom"), ({"custom": [1]}, "custom"), ({"phone_country_codes": "FR"}, "phone_country_codes"),
    ({"phone_country_codes": ["fr"]}, "phone_country_codes"), ({"phone_country_codes": [33]}, "phone_country_codes")])
def test_wrong_fields_are_named(sim, fields, named):
    status, body = sim.single(**fields)
    assert status == 422 and named in body["error"]
    assert sim.log()["submissions"] == []


@pytest.mark.parametrize("fields", [
    {"domain": None, "company_name": "Example"}, {"custom": {}}, {"unknown": 1}, {"phone_country_codes": ["FR", "US"]},
    {"enrichment_type": ["personal_email"], "domain": None, "linkedin_url": "https://linkedin.example/in/ada"}])
def test_right_fields_are_accepted(sim, fields):
    assert sim.single(**fields)[0] == 202


@pytest.mark.parametrize("contacts, named", [
    (None, "contacts"), ([], "contacts"), ([contact()], "contacts"), ([contact()] * 101, "contacts"),
    ("x", "contacts"), ([contact(), 5], "contacts[1]"), ([contact(), contact(lastname=None)], "contacts[1]: lastname")])
def test_a_batch_is_all_or_nothing(sim, contacts, named):
    status, body = sim.bulk(contacts)
    assert status == 422 and named in body["error"]
    assert sim.log()["counts"]["contacts"] == 0


def test_a_batch_may_have_100(sim):
    assert sim.bulk([contact(firstname=f"N{i}") for i in range(100)])[0] == 202
    assert sim.wait(finished=100)["contacts"] == 100


# Results

def test_only_what_was_asked_for_is_filled(sim, receiver):
    fields = {"enrichment_type": ["personal_email"], "linkedin_url": "https://linkedin.example/in/ada"}
    sim.single(webhook_url=receiver.url, **fields)
    body = receiver.next()
    assert set(body) == {"enrichment_id", "first_name", "last_name", "status", "personal_email", "personal_email_status"}
    assert body["personal_email"].split("@")[1] in ("example.org", "example.net")


@pytest.mark.parametrize("domain", ["example.com", "prontohq.com", None])
def test_addresses_are_nobodys(sim, receiver, domain):
    sim.single(firstname="Jean Luc", lastname="D'Été-X", domain=domain, company_name="Example", webhook_url=receiver.url)
    local, host = receiver.next()["email"].split("@")
    assert local == "jeanluc.dt-x"
    assert host == "example.com" if domain else host in ("example.org", "example.net")


@pytest.mark.parametrize("codes, form", [
    (None, r"\+120155501\d\d"), (["US"], r"\+120155501\d\d"), (["DE"], r"\+120155501\d\d"),
    (["GB"], r"\+442079460\d{3}"), (["FR"], r"\+3319900\d{4}"), (["DE", "FR"], r"\+3319900\d{4}")])
def test_telephone_numbers_are_fiction(sim, receiver, codes, form):
    sim.call("POST", "/contacts/single_enrich", phone(phone_country_codes=codes, webhook_url=receiver.url))
    numbers = receiver.next()["phone"]
    assert numbers and all(re.fullmatch(form, number) for number in numbers)


def test_the_same_contact_has_the_same_result(sim, receiver):
    for _ in range(2):
        sim.call("POST", "/contacts/single_enrich", phone(webhook_url=receiver.url))
    assert receiver.next()["phone"] == receiver.next()["phone"]


def test_empty_results(sim, receiver):
    sim.behave(empty_share=1)
    sim.single(webhook_url=receiver.url)
    body = receiver.next()
    assert (body["status"], body["email"], body["email_status"]) == ("finished", None, "N/A")
    sim.call("POST", "/contacts/single_enrich", phone(webhook_url=receiver.url))
    assert receiver.next()["phone"] == []


def test_a_share_of_the_results_is_empty(sim):
    sim.behave(empty_share=0.5, credits=1000000)
    sim.bulk([contact(firstname=f"N{i}") for i in range(100)])
    sim.wait(finished=100)
    spent = sim.log()["credits_spent"]
    assert 0 < spent < 300 and spent % 3 == 0


# Behaviour

def test_unknown_keys_are_named_and_nothing_is_changed(sim):
    before = sim.control("GET", "behaviour")
    status, _, body = sim.http("POST", "/_sim/behaviour", '{"lose": 1, "nonsense": 2}')
    assert status == 400 and "nonsense" in json.loads(body)["error"]
    assert sim.control("GET", "behaviour") == before


@pytest.mark.parametrize("key, value", [
    ("lose", 1.5), ("lose", "x"), ("lose", {}), ("delay", -5), ("delay", "2s-1s"), ("delay", "soon"), ("repeat", 1000),
    ("body", "nonsense"), ("spelling", "phones,nonsense"), ("spelling", [1]), ("consent", "maybe"),
    ("submit_status", 99), ("success_status", 404), ("retry_after", "1\r\nX: y"), ("body_size", "1T")])
def test_wrong_values_are_refused(sim, key, value):
    status, _, body = sim.http("POST", "/_sim/behaviour", json.dumps({key: value}))
    assert status == 400 and key in json.loads(body)["error"]


@pytest.mark.parametrize("key, value, shown", [
    ("delay", 250, "250ms"), ("delay", "1s-2s", "1s-2s"), ("delay", "0-100", "0-100ms"), ("reorder", "1m", "1m"),
    ("lose", True, 1), ("lose", "0.25", 0.25), ("drip", True, "1s"), ("hang", True, "true"), ("hang", False, "false"),
    ("spelling", ["id", "phones"], ["phones", "id"]), ("spelling", "phones,id", ["phones", "id"]),
    ("delay", None, "1s"), ("body_size", "1K", 1024)])
def test_values_have_several_forms(sim, key, value, shown):
    assert sim.behave(**{key: value})[key] == shown


def test_what_it_says_can_be_set_again(sim):
    everything = sim.control("GET", "behaviour")
    assert sim.behave(**everything) == everything


def test_reset_goes_back_to_the_command_line():
    simulator = Simulator("--delay", "5s-6s", "--behaviour", "repeat=2")
    assert simulator.behave(repeat=3, lose=1)["repeat"] == 3
    answer = simulator.control("DELETE", "behaviour")
    assert (answer["delay"], answer["repeat"], answer["lose"]) == ("5s-6s", 2, 0)
    assert simulator.stop() == 0


def test_delay_and_flush(sim, receiver):
    sim.behave(delay="1h")
    sim.single(firstname="First", webhook_url=receiver.url)
    sim.behave(delay="30m")
    sim.single(firstname="Second", webhook_url=receiver.url)
    assert sim.log()["waiting"] == 2 and receiver.got.empty()
    sim.behave(callback_concurrency=1)
    assert sim.control("POST", "flush") == {"flushed": 2}
    assert [receiver.next()["first_name"] for _ in range(2)] == ["Second", "First"]


def test_lose(sim, receiver):
    sim.behave(lose=1)
    _, answer = sim.single(webhook_url=receiver.url)
    sim.wait(lost=1)
    assert sim.call("GET", "/contacts/" + answer["enrichment_id"])[1]["status"] == "finished"
    assert sim.log()["counts"]["attempts"] == 0 and receiver.got.empty()


def test_a_share_is_lost(sim, receiver):
    sim.behave(lose=0.5)
    sim.bulk([contact(firstname=f"N{i}") for i in range(100)], webhook_url=receiver.url)
    counts = sim.wait(finished=100, lost=1, callbacks=1)
    sim.wait(callbacks=100 - counts["lost"])


def test_repeat(sim, receiver):
    sim.behave(repeat=2)
    sim.single(webhook_url=receiver.url)
    sim.wait(callbacks=3)
    bodies = [receiver.next_raw()[1] for _ in range(3)]
    assert bodies[0] == bodies[1] == bodies[2]
    assert [(c["kind"], c["copy"]) for c in sim.log()["callbacks"]] == [("final", 0), ("copy", 1), ("copy", 2)]


def test_repeat_share_and_delay(sim, receiver):
    sim.behave(repeat=1, repeat_share=0, repeat_delay="1h")
    sim.single(webhook_url=receiver.url)
    sim.wait(callbacks=1)
    assert sim.log()["waiting"] == 0
    sim.behave(repeat_share=1)
    sim.single(webhook_url=receiver.url)
    sim.wait(callbacks=2)
    assert sim.control("POST", "flush") == {"flushed": 1}
    assert sim.wait(callbacks=3)["lost"] == 0


def test_reorder(sim, receiver):
    sim.behave(delay=0, reorder="1h", callback_concurrency=1)
    sim.bulk([contact(firstname="A", custom={"n": i}) for i in range(20)], webhook_url=receiver.url)
    sim.control("POST", "flush")
    order = [receiver.next()["custom"]["n"] for _ in range(20)]
    assert order != sorted(order) and sorted(order) == list(range(20))


def test_early(sim, receiver):
    sim.behave(early=1, delay="1h")
    _, answer = sim.single(webhook_url=receiver.url)
    assert receiver.got.get_nowait()  # it is there already
    calls = sim.log()
    assert calls["callbacks"][0]["time"] <= calls["calls"][0]["time"]
    assert calls["callbacks"][0]["enrichment_id"] == answer["enrichment_id"]


def test_early_in_a_batch(sim, receiver):
    sim.behave(early=1, interim=1)
    sim.bulk([contact(), contact(firstname="Grace")], webhook_url=receiver.url)
    assert receiver.got.qsize() == 4


def test_early_when_nobody_receives(sim):
    sim.behave(early=1)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert sim.single(webhook_url=f"http://127.0.0.1:{port}/")[0] == 202
    entry = sim.log()["callbacks"][0]
    assert entry["status"] == 0 and entry["error"]
    assert sim.log()["counts"]["failed"] == 1


def test_interim(sim, receiver):
    sim.behave(interim=1)
    sim.single(webhook_url=receiver.url)
    first, second = receiver.next(), receiver.next()
    assert first["status"] == "pending" and "email" not in first
    assert second["status"] == "finished" and second["email"]


def test_retry(sim, receiver):
    receiver.status = 503
    sim.behave(retry=2, retry_delay=0)
    sim.single(webhook_url=receiver.url)
    sim.wait(callbacks=3)
    log = sim.log()
    assert [(c["attempt"], c["status"], c["answer"]) for c in log["callbacks"]] == [
        (1, 503, '{"seen":true}'), (2, 503, '{"seen":true}'), (3, 503, '{"seen":true}')]
    assert log["waiting"] == 0


def test_no_retry_after_success(sim, receiver):
    sim.behave(retry=2, retry_delay=0)
    sim.single(webhook_url=receiver.url)
    sim.wait(callbacks=1)
    assert sim.log()["waiting"] == 0


def test_callback_timeout(sim):
    sim.behave(callback_timeout="20ms")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sim.single(webhook_url=f"http://127.0.0.1:{silent.getsockname()[1]}/")
        sim.wait(failed=1)
    assert "imeout" in sim.log()["callbacks"][0]["error"]


def test_corrupt_custom(sim, receiver):
    sim.behave(corrupt_custom=1)
    sim.single(custom={"a": 1}, webhook_url=receiver.url)
    assert receiver.next()["custom"] != {"a": 1}


def test_corrupt_enrichment_id(sim, receiver):
    sim.behave(corrupt_enrichment_id=1)
    _, answer = sim.single(webhook_url=receiver.url)
    wrong = receiver.next()["enrichment_id"]
    assert uuid.UUID(wrong) and wrong != answer["enrichment_id"]


@pytest.mark.parametrize("submission, field", [(contact(), "email"), (phone(), "phone")])
def test_corrupt_result(sim, receiver, submission, field):
    sim.behave(corrupt_result=1, repeat=1)
    sim.call("POST", "/contacts/single_enrich", submission | {"webhook_url": receiver.url})
    first, second = receiver.next(), receiver.next()
    assert first[field] != second[field]
    assert first["enrichment_id"] == second["enrichment_id"]


def test_omit_custom(sim, receiver):
    sim.behave(omit_custom=True)
    sim.single(custom={"a": 1}, webhook_url=receiver.url)
    assert "custom" not in receiver.next()


def test_custom_as_string(sim, receiver):
    sim.behave(custom_as_string=True)
    sim.single(custom={"a": 1, "b": [2.5, {"c": -3}], "d": True, "e": None, "f": "x"}, webhook_url=receiver.url)
    assert receiver.next()["custom"] == {"a": "1", "b": ["2.5", {"c": "-3"}], "d": True, "e": None, "f": "x"}


@pytest.mark.parametrize("form, check", [
    ("garbage", lambda b: b"not JSON" in b), ("html", lambda b: b.startswith(b"<!DOCTYPE html>")),
    ("empty", lambda b: b == b""), ("array", lambda b: isinstance(json.loads(b), list)),
    ("huge", lambda b: len(b) == 16 * 1024 * 1024 and json.loads(b)["email"]),
    ("deep", lambda b: b.count(b"[") == 64 and json.loads(b)["email"]),
    ("nul_key", lambda b: "sta\0tus" in json.loads(b))])
def test_body(sim, receiver, form, check):
    sim.behave(body=form)
    sim.single(webhook_url=receiver.url)
    assert check(receiver.next_raw()[1])


@pytest.mark.parametrize("form, error", [("truncated", json.JSONDecodeError), ("not_utf8", UnicodeDecodeError)])
def test_broken_body(sim, receiver, form, error):
    sim.behave(body=form)
    sim.single(webhook_url=receiver.url)
    with pytest.raises(error):
        receiver.next()
    sim.wait(callbacks=1)
    assert "Lovelace" in sim.log()["callbacks"][0]["body"]  # what is not UTF-8 does not break the log


@pytest.mark.parametrize("more", [0, 1, 12, 13, 14, 15, 1000])
def test_body_size(sim, receiver, more):
    sim.single(webhook_url=receiver.url)
    size = len(receiver.next_raw()[1]) + more
    sim.behave(body_size=size)
    sim.single(webhook_url=receiver.url)
    body = receiver.next_raw()[1]
    assert len(body) == size and json.loads(body)["email"]


def test_chunked(sim, receiver):
    sim.behave(chunked=True, body_size=200000)
    sim.single(webhook_url=receiver.url)
    headers, body = receiver.next_raw()
    assert headers["Transfer-Encoding"] == "chunked" and "Content-Length" not in headers
    assert len(body) == 200000 and json.loads(body)["email"]


@pytest.mark.parametrize("given, got", [("text/plain; charset=x", "text/plain; charset=x"), ("", None)])
def test_content_type(sim, receiver, given, got):
    sim.behave(content_type=given)
    sim.single(webhook_url=receiver.url)
    assert receiver.next_raw()[0]["Content-Type"] == got


@pytest.mark.parametrize("spelling, check", [
    ("phones", lambda b, i: b["phones"] and "phone" not in b),
    ("phone_string", lambda b, i: b["phone"].startswith("+1")),
    ("phone_objects", lambda b, i: b["phone"][0]["number"].startswith("+1") and b["phone"][0]["type"] == "mobile"),
    ("phones,phone_objects", lambda b, i: b["phones"][0]["number"].startswith("+1")),
    ("phone_status", lambda b, i: b["phone_status"] == "valid"),
    ("id", lambda b, i: b["id"] == i and "enrichment_id" not in b),
    ("contact_id", lambda b, i: b["contact"]["id"] == i and "enrichment_id" not in b),
    ("no_id", lambda b, i: not {"id", "enrichment_id", "contact"} & set(b)),
    ("success", lambda b, i: b["status"] == "success"),
    ("no_status", lambda b, i: "status" not in b),
    ("linkedin_profile_url", lambda b, i: b["linkedin_profile_url"] == "https://linkedin.example/in/ada"),
    ("nulls", lambda b, i: b["email"] is None and b["personal_email"] is None and b["phone"]),
    ("no_names", lambda b, i: "first_name" not in b and "last_name" not in b)])
def test_spelling(sim, receiver, spelling, check):
    _, answer = sim.call("POST", "/contacts/single_enrich", phone())
    sim.wait(finished=1)
    path = "/contacts/" + answer["enrichment_id"]
    sim.behave(spelling=spelling)
    assert check(sim.call("GET", path)[1], answer["enrichment_id"])
    sim.call("POST", "/contacts/single_enrich", phone(webhook_url=receiver.url))
    body = receiver.next()
    assert check(body, sim.log()["submissions"][-1]["enrichment_id"])


@pytest.mark.parametrize("spelling, find", [("id", lambda b: b["id"]), ("contact_id", lambda b: b["contact"]["id"])])
def test_spelling_of_the_submit_answer(sim, spelling, find):
    sim.behave(spelling=spelling)
    _, answer = sim.single()
    assert find(answer) == sim.log()["submissions"][0]["enrichment_id"]


def test_final_status(sim, receiver):
    sim.behave(final_status="exhausted")
    sim.single(webhook_url=receiver.url)
    assert receiver.next()["status"] == "exhausted"


def test_wrong_id_and_poll_pending(sim):
    _, answer = sim.single()
    sim.wait(finished=1)
    path = "/contacts/" + answer["enrichment_id"]
    sim.behave(wrong_id=True)
    assert sim.call("GET", path)[1]["enrichment_id"] != answer["enrichment_id"]
    sim.behave(wrong_id=False, poll_pending=True)
    assert sim.call("GET", path)[1]["status"] == "pending"


# The account and its limits

@pytest.mark.parametrize("status", [200, 201, 202])
def test_success_status(sim, status):
    sim.behave(success_status=status)
    assert sim.single()[0] == status
    assert sim.bulk([contact(), contact()])[0] == status


@pytest.mark.parametrize("form, check", [
    ("error", lambda b: isinstance(b["error"], str)), ("message", lambda b: isinstance(b["message"], str)),
    ("errors", lambda b: len(b["errors"]) == 2 and all(isinstance(text, str) for text in b["errors"]))])
def test_error_form(sim, form, check):
    sim.behave(error_form=form)
    status, body = sim.single(firstname=None, lastname=None)
    assert status == 422 and check(body)


def test_error_form_html(sim):
    sim.behave(error_form="html", submit_status=502)
    status, headers, body = sim.http("POST", "/api/v2/contacts/single_enrich", "{}")
    assert (status, headers["Content-Type"]) == (502, "text/html") and b"<html>" in body


@pytest.mark.parametrize("form", ["error", "message", "errors", "html"])
def test_echo_key_in_error(sim, form):
    sim.behave(echo_key_in_error=True, error_form=form)
    headers = {"X-API-KEY": "marker-of-a-key"}
    for keys in ({}, {"submit_status": 401}, {"submit_status": 422}, {"submit_status": 0, "out_of_credits": True}):
        sim.behave(**keys)
        body = json.dumps(contact() if keys else {})
        status, _, answer = sim.http("POST", "/api/v2/contacts/single_enrich", body, headers)
        assert status in (401, 422) and b"marker-of-a-key" in answer


def test_consent(sim):
    sim.behave(consent=False)
    status, body = sim.single(enrichment_type=["personal_email"], linkedin_url="https://linkedin.example/in/ada")
    assert status == 422
    assert body == {"error": "You can't use the personal email enrichment feature without consenting with our "
                             "terms of use"}
    assert sim.single()[0] == 202


@pytest.mark.parametrize("key, text", [("out_of_credits", "enrichment credits"), ("plan_limit", "plan limit")])
def test_refused_by_the_account(sim, key, text):
    sim.behave(**{key: True})
    status, body = sim.single()
    assert status == 422 and text in body["error"]
    assert sim.log()["counts"]["submissions"] == 0


def test_refuse_name(sim):
    sim.behave(refuse_name="Bad")
    status, body = sim.single(firstname="Bad")
    assert status == 422 and "cannot be enriched" in body["error"]
    assert sim.bulk([contact(), contact(firstname="Bad")])[0] == 422
    assert sim.log()["counts"]["contacts"] == 0
    assert sim.bulk([contact(), contact(firstname="Good")])[0] == 202
    assert sim.single(firstname="Badly")[0] == 202


def test_rate_limit(sim):
    sim.behave(rate_limit=1, account_retry_after="7")
    answers = [sim.http("GET", "/api/v2/credits", headers={"X-API-KEY": "k"}) for _ in range(20)]
    refused = [headers["Retry-After"] for status, headers, _ in answers if status == 429]
    assert refused and set(refused) == {"7"}
    assert sim.log()["max_rate"] > 1


def test_concurrency_limit(sim):
    sim.behave(concurrency_limit=1, hang=True)
    with socket.create_connection(("127.0.0.1", sim.port)) as hanging:
        hanging.sendall(b"POST /api/v2/contacts/single_enrich HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        sim.wait(calls=1)
        assert sim.call("GET", "/credits")[0] == 429
        assert sim.log()["max_concurrent"] == 2


# What goes wrong with answers; submissions, polls and the account alike

GROUPS = {
    "submit": ("", "POST", "/contacts/single_enrich", json.dumps(contact())),
    "poll": ("poll_", "GET", "/contacts/123e4567-e89b-12d3-a456-426614174000", None),
    "account": ("account_", "GET", "/credits", None),
}


@pytest.fixture(params=GROUPS)
def group(request, sim):
    prefix, method, path, body = GROUPS[request.param]

    class Group:
        usual = {"submit": 202, "poll": 404, "account": 200}[request.param]

        @staticmethod
        def behave(**keys):
            sim.behave(**{(request.param + "_" if key.startswith("status") else prefix) + key: value
                          for key, value in keys.items()})

        @staticmethod
        def call(timeout=PATIENCE):
            return sim.http(method, "/api/v2" + path, body, {"X-API-KEY": "k"}, timeout)

    return Group


@pytest.mark.parametrize("status", [401, 403, 422, 429, 500, 502, 503])
def test_status(sim, group, status):
    group.behave(status=status)
    for _ in range(3):
        assert group.call()[0] == status
    assert sim.log()["submissions"] == []
    assert [call["status"] for call in sim.log()["calls"]] == [status] * 3


def test_status_count(group):
    for _ in range(2):  # setting it counts from the start
        group.behave(status=503, status_count=2)
        assert [group.call()[0] for _ in range(4)] == [503, 503, group.usual, group.usual]


def test_status_share(group):
    group.behave(status=503, status_share=0.5)
    statuses = [group.call()[0] for _ in range(40)]
    assert set(statuses) == {503, group.usual}


@pytest.mark.parametrize("rule", ["5", "nonsense", "1000000000"])
def test_retry_after(group, rule):
    group.behave(status=429, retry_after=rule)
    assert group.call()[1]["Retry-After"] == rule


def test_retry_after_date(group):
    group.behave(status=429, retry_after="date:100")
    before = time.time()
    at = email.utils.parsedate_to_datetime(group.call()[1]["Retry-After"]).timestamp()
    assert int(before) + 100 <= at <= time.time() + 102  # whole seconds, of a clock that may lag by a tick


def test_garbage_answer(group):
    group.behave(garbage_answer=True)
    status, _, body = group.call()
    assert status == 200
    with pytest.raises(ValueError):
        json.loads(body)


def test_redirect(group):
    group.behave(redirect="http://127.0.0.1:1/elsewhere")
    status, headers, _ = group.call()
    assert (status, headers["Location"]) == (302, "http://127.0.0.1:1/elsewhere")


def test_close(sim, group):
    group.behave(close=True)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        group.call()
    assert sim.log()["calls"][0]["status"] == 0


def test_hang(sim, group):
    group.behave(hang=True)
    with pytest.raises(TimeoutError):
        group.call(timeout=0.2)
    sim.control("DELETE", "behaviour")
    assert group.call()[0] == group.usual


def test_hang_after_headers(sim, group):
    group.behave(hang="headers")
    method, path = {202: ("POST", "/contacts/single_enrich"), 404: ("GET", "/contacts/x"),
                    200: ("GET", "/credits")}[group.usual]
    with socket.create_connection(("127.0.0.1", sim.port), timeout=PATIENCE) as connection:
        connection.sendall(f"{method} /api/v2{path} HTTP/1.1\r\nHost: x\r\nX-API-KEY: k\r\n"
                           f"Content-Length: 0\r\n\r\n".encode())
        got = b""
        while b"\r\n\r\n" not in got:
            got += connection.recv(4096)
        assert got.endswith(b"\r\n\r\n") and b"Content-Length: 2\r\n" in got
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_drip(sim, group):
    usual = group.call()[2]
    group.behave(drip="1ms")
    status, _, body = group.call()
    assert status == group.usual and len(body) == len(usual)


def test_drip_is_slow(sim):
    sim.behave(account_drip="1h")
    with socket.create_connection(("127.0.0.1", sim.port), timeout=PATIENCE) as connection:
        connection.sendall(b"GET /api/v2/credits HTTP/1.1\r\nHost: x\r\nX-API-KEY: k\r\n\r\n")
        got = b""
        while not got.endswith(b"\r\n\r\n{"):
            got += connection.recv(1)
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)


@pytest.mark.parametrize("form", ["true", "chunked"])
def test_huge_answer(group, form):
    group.behave(huge_answer=form)
    _, headers, body = group.call()
    assert len(body) == 100_000_000
    assert ("Content-Length" in headers) == (form == "true")


def test_fault_count(group):
    group.behave(garbage_answer=True, fault_count=2)
    statuses = [b"not JSON" in group.call()[2] for _ in range(4)]
    assert statuses == [True, True, False, False]


def test_fault_share(group):
    group.behave(garbage_answer=True, fault_share=0.5)
    assert {b"not JSON" in group.call()[2] for _ in range(40)} == {True, False}


def test_answer_delay(sim, group):
    group.behave(answer_delay="1h")
    with pytest.raises(TimeoutError):
        group.call(timeout=0.2)


def test_concurrency_is_seen(sim):
    sim.behave(account_answer_delay="1h")
    connections = [socket.create_connection(("127.0.0.1", sim.port)) for _ in range(3)]
    for connection in connections:
        connection.sendall(b"GET /api/v2/credits HTTP/1.1\r\nHost: x\r\nX-API-KEY: k\r\n\r\n")
    sim.wait(calls=3)
    log = sim.log()
    assert log["max_concurrent"] >= 3 and log["max_rate"] >= 1
    for connection in connections:
        connection.close()


def keep_calling(sim, number):
    """Calls one after the other over one connection, which it keeps."""
    connection = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=PATIENCE)
    for _ in range(number):
        connection.request("GET", "/api/v2/credits", headers={"X-API-KEY": "k"})
        connection.getresponse().read()
    connection.close()


@pytest.mark.parametrize("fault", [{}, {"account_drip": "1ms"}, {"account_status": 500}], ids=json.dumps)
def test_calls_one_after_the_other_are_never_seen_together(sim, fault):
    sim.behave(**fault)
    keep_calling(sim, 50)
    for _ in range(50):
        sim.http("GET", "/api/v2/credits", headers={"X-API-KEY": "k"})
    assert sim.log()["max_concurrent"] == 1
    threads = [threading.Thread(target=keep_calling, args=(sim, 100)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sim.log()["max_concurrent"] <= 5
    assert sim.log()["counts"]["calls"] == 600


@pytest.mark.parametrize("fault", [{"account_hang": "true"}, {"account_hang": "headers"}, {"account_close": True},
                                   {"account_huge_answer": "true"}], ids=json.dumps)
def test_a_call_given_up_is_over_before_the_next_one(sim, fault):
    sim.behave(**fault)
    for number in range(5):
        with socket.create_connection(("127.0.0.1", sim.port), timeout=PATIENCE) as connection:
            connection.sendall(b"GET /api/v2/credits HTTP/1.1\r\nHost: x\r\nX-API-KEY: k\r\n\r\n")
            sim.wait(calls=number + 1)
    assert sim.log()["max_concurrent"] == 1


def test_the_rate_is_that_of_any_second(sim):
    started = time.monotonic()
    keep_calling(sim, 30)
    assert sim.log()["max_rate"] == 30 or time.monotonic() - started > 1
    sim.behave(account_answer_delay="1100ms")
    sim.control("DELETE", "log")
    keep_calling(sim, 3)
    assert sim.log()["max_rate"] == 1


@pytest.mark.parametrize("keys, status", [({"submit_status": 500}, 500), ({"garbage_answer": True}, 200)])
def test_accept_anyway(sim, receiver, keys, status):
    sim.behave(accept_anyway=True, **keys)
    assert sim.http("POST", "/api/v2/contacts/single_enrich", json.dumps(contact(webhook_url=receiver.url)),
                    {"X-API-KEY": "k"})[0] == status
    assert receiver.next()["status"] == "finished"


@pytest.mark.parametrize("keys", [{"hang": True}, {"close": True}])
def test_accept_anyway_without_an_answer(sim, receiver, keys):
    sim.behave(accept_anyway=True, **keys)
    with pytest.raises((TimeoutError, http.client.RemoteDisconnected, ConnectionResetError)):
        sim.http("POST", "/api/v2/contacts/single_enrich", json.dumps(contact(webhook_url=receiver.url)),
                 {"X-API-KEY": "k"}, timeout=0.5)
    assert receiver.next()["status"] == "finished"


# What it records

def test_the_log(sim, receiver):
    fields = {"custom": {"a": 1}, "webhook_url": receiver.url}
    _, answer = sim.single(**fields)
    _, again = sim.single(**fields)
    sim.wait(callbacks=2)
    log = sim.log()
    first, second = log["submissions"]
    assert first["endpoint"] == "single_enrich" and first["enrichment_id"] == answer["enrichment_id"]
    assert first["webhook_url"] == receiver.url and first["enrichment_type"] == "email"
    assert first["contacts"][0]["firstname"] == "Ada" and first["contacts"][0]["custom"] == {"a": 1}
    assert second["contacts"][0]["repeat_of"] is not None and second["repeats"] == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["time"])
    for entry, got in zip(log["callbacks"], (answer, again)):
        assert entry["enrichment_id"] == got["enrichment_id"] and entry["url"] == receiver.url
        assert (entry["status"], entry["answer"]) == (200, '{"seen":true}')
        assert json.loads(entry["body"])["enrichment_id"] == got["enrichment_id"]
        assert entry["size"] == len(entry["body"])
    assert log["counts"]["calls"] == 2 and log["counts"]["contacts"] == 2
    assert log["concurrent"] == 0 and log["max_concurrent"] == 1


def test_repeats_are_told_apart(sim):
    name = f"N{uuid.uuid4()}"
    _, first = sim.single(firstname=name)
    sim.single(firstname=name, custom={"other": 1})
    sim.single(firstname=name)
    found = [entry["contacts"][0]["repeat_of"] for entry in sim.log()["submissions"]]
    assert found == [None, None, first["enrichment_id"]]
    assert sim.log()["counts"]["repeats"] == 1


def waits(sim):
    return [entry["contacts"][0]["repeat_while_waiting"] for entry in sim.log()["submissions"]]


def test_repeats_while_a_callback_is_on_its_way_are_counted(sim, receiver):
    sim.behave(delay="1h")
    fields = {"firstname": f"N{uuid.uuid4()}", "webhook_url": receiver.url}
    for _ in range(3):
        sim.single(**fields)
    sim.single(firstname=f"N{uuid.uuid4()}", webhook_url=receiver.url)
    assert waits(sim) == [0, 1, 2, 0]
    assert sim.log()["counts"]["repeat_while_waiting"] == 2
    sim.control("POST", "flush")
    sim.wait(callbacks=4, idle="true")
    sim.single(**fields)
    assert waits(sim) == [0, 1, 2, 0, 0]
    assert sim.log()["counts"]["repeat_while_waiting"] == 2 and sim.log()["counts"]["repeats"] == 3


def test_in_a_batch_repeats_while_waiting_are_counted_too(sim, receiver):
    sim.behave(delay="1h")
    twice = contact(firstname=f"N{uuid.uuid4()}", enrichment_type=None)
    sim.bulk([twice, contact(firstname=f"N{uuid.uuid4()}", enrichment_type=None)], webhook_url=receiver.url)
    sim.single(**twice, webhook_url=receiver.url)
    assert waits(sim) == [0, 1]


def test_a_callback_that_is_tried_again_is_still_on_its_way(sim, receiver):
    receiver.status = 503
    sim.behave(retry=1, retry_delay="1h")
    fields = {"firstname": f"N{uuid.uuid4()}", "webhook_url": receiver.url}
    sim.single(**fields)
    sim.wait(callbacks=1)
    sim.single(**fields)
    assert waits(sim) == [0, 1]
    sim.wait(callbacks=2)


@pytest.mark.parametrize("keys", [{"lose": 1, "delay": "1h"}, {"repeat": 1, "repeat_delay": "1h"}], ids=json.dumps)
def test_a_lost_callback_and_a_copy_are_not_waited_for(sim, receiver, keys):
    sim.behave(**keys)
    fields = {"firstname": f"N{uuid.uuid4()}", "webhook_url": receiver.url}
    sim.single(**fields)
    sim.wait(callbacks=1 if "repeat" in keys else 0)
    sim.single(**fields)
    assert waits(sim) == [0, 0]
    sim.wait(callbacks=2 if "repeat" in keys else 0)


def test_the_log_is_cleared(sim):
    sim.single()
    sim.wait(finished=1)
    sim.control("DELETE", "log")
    log = sim.log()
    assert not log["submissions"] and not log["calls"] and not any(log["counts"].values())


def test_wait_until_idle(sim, receiver):
    sim.behave(repeat=3, delay="1h")
    sim.single(webhook_url=receiver.url)
    assert sim.control("GET", "wait?idle=true&timeout=0")["reached"] is False
    sim.control("POST", "flush")
    assert sim.wait(idle="true")["callbacks"] == 4


def test_a_client_that_went_away_counts_no_longer(sim):
    sim.behave(hang=True)
    with pytest.raises(TimeoutError):
        sim.call("POST", "/contacts/single_enrich", {}, timeout=0.2)
    sim.wait(idle="true")
    assert sim.log()["concurrent"] == 0


def test_wait_ends(sim):
    answer = sim.control("GET", "wait?callbacks=1&timeout=10ms")
    assert answer["reached"] is False and answer["callbacks"] == 0
    assert sim.control("GET", "wait?timeout=300")["reached"] is True


@pytest.mark.parametrize("query", ["nonsense=1", "callbacks=x", "timeout=1h", "callbacks", "idle=1"])
def test_wait_refuses(sim, query):
    assert sim.http("GET", "/_sim/wait?" + query)[0] == 400


# Callbacks by hand

def test_callback_again(sim, receiver):
    _, answer = sim.single(custom={"a": 1}, webhook_url=receiver.url)
    first = receiver.next_raw()[1]
    receiver.status = 404
    got = sim.control("POST", "callback", {"enrichment_id": answer["enrichment_id"]})
    assert got == {"status": 404, "answer": '{"seen":true}', "error": None}
    assert receiver.next_raw()[1] == first
    assert sim.log()["callbacks"][-1]["kind"] == "manual"


def test_callback_with_another_body(sim, receiver):
    _, answer = sim.bulk([contact(), contact(firstname="Grace")], webhook_url=receiver.url)
    sim.wait(callbacks=2)
    for _ in range(2):
        receiver.next()
    which = {"enrichment_id": answer["enrichment_id"]}
    sim.control("POST", "callback", which | {"body": {"status": "finished", "x": [1, None]}})
    assert receiver.next() == {"status": "finished", "x": [1, None]}
    sim.control("POST", "callback", which | {"raw": "not JSON", "content_type": "text/plain"})
    headers, body = receiver.next_raw()
    assert (headers["Content-Type"], body) == ("text/plain", b"not JSON")
    sim.control("POST", "callback", which | {"contact": 1})
    assert receiver.next()["first_name"] == "Grace"


def test_an_answer_that_is_not_text(sim, receiver):
    receiver.answer = b"\xff\xc3(\xed\xa0\x80\xe2\x82\xac"
    _, answer = sim.single(webhook_url=receiver.url)
    got = sim.control("POST", "callback", {"enrichment_id": answer["enrichment_id"]})
    assert got["answer"] == "??(???\u20ac"


def test_callback_to_nobody(sim):
    _, answer = sim.single()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    got = sim.control("POST", "callback", {"enrichment_id": answer["enrichment_id"], "webhook_url": url})
    assert got["status"] == 0 and got["error"]


@pytest.mark.parametrize("body, status", [
    ("{}", 404), ("x", 400), ('{"enrichment_id": "123e4567-e89b-12d3-a456-426614174000"}', 404)])
def test_callback_refuses(sim, body, status):
    assert sim.http("POST", "/_sim/callback", body)[0] == status


def test_callback_refuses_what_is_missing(sim):
    _, answer = sim.single()
    assert sim.http("POST", "/_sim/callback", json.dumps(answer))[0] == 400
    assert sim.http("POST", "/_sim/callback", json.dumps(answer | {"contact": 1}))[0] == 404
