"""Erasing a request: its data is gone, and a late callback does not bring it back."""

import uuid

import pytest

import harness
from harness import wait_until

SECRET = "secret-" + uuid.uuid4().hex


def copies(prontod, *words):
    """Which of the words are anywhere in the files of the store."""
    content = b"".join(file.read_bytes() for file in prontod.database.parent.iterdir())
    return [word for word in words if word.encode() in content]


def test_an_erased_request_is_as_if_it_had_never_been(silent, new_prontod):
    prontod = new_prontod(silent.url)
    crm = prontod.hook("crm", then='echo "$PRONTO_EMAIL"')
    prontod.start()
    other, _ = prontod.submit(silent, firstname="Grace")
    found, token = prontod.submit(silent, firstname="Adaerased", custom={"k": "custom-value-erased"})
    body = harness.result(found["enrichment_id"], email="erased@example.com", custom={"k": "custom-value-erased"})
    assert prontod.call_back(token, body) == "matched"
    crm.wait()
    delivery = prontod.request(found["id"])["deliveries"][0]["id"]
    callback = prontod.request(found["id"])["callbacks"][0]["id"]
    prontod.wait_delivery(delivery, "succeeded")
    assert copies(prontod, "Adaerased", "erased@example.com", "custom-value-erased")

    assert prontod.query("DELETE", f"/v1/requests/{found['id']}").status == 204
    assert not copies(prontod, "Adaerased", "erased@example.com", "custom-value-erased")
    for path in (f"/v1/requests/{found['id']}", f"/v1/requests/{found['enrichment_id']}", f"/v1/callbacks/{callback}",
                 f"/v1/deliveries/{delivery}"):
        assert prontod.query("GET", path).status == 404
    assert [one["id"] for one in prontod.items("/v1/requests")] == [other["id"]]
    assert prontod.items("/v1/callbacks") == [] and prontod.items("/v1/deliveries") == []
    assert prontod.callback(token, body).status == 404
    assert not copies(prontod, "erased@example.com")
    assert prontod.query("DELETE", f"/v1/requests/{found['id']}").status == 404
    prontod.restart()
    assert prontod.callback(token, body).status == 404
    assert prontod.request(other["id"])["firstname"] == "Grace"


def test_on_a_shared_secret_a_late_callback_is_200_and_not_stored(new_prontod):
    prontod = new_prontod(secrets=[SECRET]).start()
    one = str(uuid.uuid4())
    registered = prontod.register(one)
    assert prontod.query("DELETE", f"/v1/requests/{registered['id']}").status == 204
    assert prontod.callback(SECRET, harness.result(one, email="erased@example.com")).status == 200
    assert prontod.items("/v1/callbacks") == [] and not copies(prontod, "erased@example.com")
    prontod.kill()
    prontod.start()
    assert prontod.callback(SECRET, harness.result(one, email="erased@example.com")).status == 200
    assert prontod.items("/v1/callbacks") == [] and not copies(prontod, "erased@example.com")


def test_what_is_due_is_cancelled(new_prontod):
    prontod = new_prontod(secrets=[SECRET])
    crm = prontod.hook("crm", then="exit 75", backoff="1h 1h")
    prontod.start()
    one = str(uuid.uuid4())
    registered = prontod.register(one)
    prontod.call_back(SECRET, harness.result(one))
    crm.wait()
    delivery = prontod.request(registered["id"])["deliveries"][0]["id"]
    prontod.wait_delivery(delivery, "retrying")
    assert prontod.query("DELETE", f"/v1/requests/{registered['id']}").status == 204
    assert prontod.query("POST", f"/v1/deliveries/{delivery}/retry").status == 404
    assert prontod.items("/v1/deliveries") == []


def test_one_of_a_batch_is_erased_and_the_others_stay(silent, new_prontod):
    prontod = new_prontod(silent.url).start()
    contacts = [harness.contact(firstname=f"Ada{row}", custom={"row": row}) for row in range(3)]
    found, token = prontod.submit_batch(silent, contacts)
    assert prontod.query("DELETE", f"/v1/requests/{found[1]['id']}").status == 204
    job = found[0]["enrichment_id"]
    for row in (0, 2):
        assert prontod.call_back(token, harness.result(job, first_name=f"Ada{row}", custom={"row": row})) == "matched"
    answer = prontod.callback(token, harness.result(job, first_name="Ada1", email="erased@example.com", custom={"row": 1}))
    assert answer.status in (200, 404)
    assert [prontod.request(found[row]["id"])["state"] for row in (0, 2)] == ["finished", "finished"]


def test_erased_while_its_hook_runs(new_prontod):
    prontod = new_prontod(secrets=[SECRET])
    gate = prontod.directory / "gate"
    crm = prontod.hook("crm", then=f'while [ ! -e "{gate}" ]; do sleep 0.02; done; echo "$PRONTO_EMAIL"')
    prontod.start()
    one = str(uuid.uuid4())
    registered = prontod.register(one)
    prontod.call_back(SECRET, harness.result(one, email="erased@example.com"))
    crm.wait()
    assert prontod.query("DELETE", f"/v1/requests/{registered['id']}").status == 204
    gate.touch()
    prontod.restart()
    assert prontod.items("/v1/deliveries") == [] and prontod.items("/v1/requests") == []
    assert not copies(prontod, "erased@example.com")


def test_nothing_tells_an_erased_token_from_one_that_never_was(silent, new_prontod):
    """Also where the answer would be another one: what is wrong with the rest is said to those alone whose token is there."""
    prontod = new_prontod(silent.url, config={"ingress": {"max_body": "4K"}}).start()
    found, token = prontod.submit(silent)
    unknown = token[:-2] + ("AA" if token[-2:] != "AA" else "BA")
    large = "Content-Length: 5000"
    pieces = b"".join(b"%x\r\n%s\r\n" % (1000, b"x" * 1000) for _ in range(6)) + b"0\r\n\r\n"
    requests = [("Content-Length: 2", b"{}"), ("Content-Length: 2", b"no"), ("Content-Length: 2\r\nContent-Encoding: gzip", b"{}"),
                (large, b""), ("Transfer-Encoding: chunked", pieces)]

    def answers(one):
        heads = (f"POST /callback/{one} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n\r\n".encode() for head, _ in requests)
        return [prontod.raw(head + body) for head, (_, body) in zip(heads, requests)]

    assert [answer.status for answer in answers(token)][2:] == [415, 413, 413]
    assert prontod.query("DELETE", f"/v1/requests/{found['id']}").status == 204
    erased, strange = answers(token), answers(unknown)
    assert [answer.status for answer in erased] == [404] * len(requests)
    for one, other in zip(erased, strange):
        assert one.headers() | {"date": ""} == other.headers() | {"date": ""}
        assert one.data.split(b"\r\n\r\n")[1] == other.data.split(b"\r\n\r\n")[1]


@pytest.mark.parametrize("identifier", ["nonsense", "123e4567-e89b-42d3-a456-426614174000"])
def test_erasing_what_is_not_there_is_404(new_prontod, identifier):
    prontod = new_prontod().start()
    assert prontod.query("DELETE", f"/v1/requests/{identifier}").status == 404


def test_forget_of_prontoctl(new_prontod):
    prontod = new_prontod().start()
    registered = prontod.register(str(uuid.uuid4()), firstname="Adaerased")
    prontod.ctl("forget", registered["id"])
    wait_until(lambda: prontod.query("GET", f"/v1/requests/{registered['id']}").status == 404)
    prontod.ctl("forget", registered["id"], status=6)
