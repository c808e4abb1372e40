"""Forgetting a person: by each identifier, with no byte left in the store, whoever reads and whatever comes meanwhile."""

import threading
import uuid

import clients
import harness
from harness import wait_until

SECRET = "secret-" + uuid.uuid4().hex
URL = "https://www.linkedin.com/in/adaerased-1/"
FIELDS = {"firstname": "Adaerased", "lastname": "Lovelacerased", "company_name": "Companyerased", "linkedin_url": URL,
          "custom": {"note": "custom-value-erased"}}
RESULT = {"first_name": "Adaerased", "last_name": "Lovelacerased", "email": "erased@example.com",
          "personal_email": "erased@private.example.com", "phones": ["+12015550199"],
          "custom": {"note": "custom-value-erased"}, "job_title": "titlerased"}
WORDS = ["Adaerased", "Lovelacerased", "Companyerased", "adaerased-1", "custom-value-erased", "erased@example.com",
         "erased@private.example.com", "+12015550199", "titlerased", "outputerased"]


def copies(prontod, *words):
    """Which of the words are anywhere in the files of the store."""
    content = b"".join(file.read_bytes() for file in prontod.database.parent.iterdir())
    return [word for word in words if word.encode() in content]


def traces(prontod, silent):
    """Everything that two requests of one person leave."""
    for _ in range(2):
        found, token = prontod.submit(silent, **FIELDS)
        body = harness.result(found["enrichment_id"], **RESULT)
        assert prontod.call_back(token, body) == "matched"
        assert prontod.call_back(token, body | {"phones": ["+12015550199", "+12015550100"]}) == "duplicate"
        wait_until(lambda one=found["id"]: all(d["state"] in ("succeeded", "dead") for d in prontod.request(one)["deliveries"]))
    body = harness.result(str(uuid.uuid4()), **RESULT, url=URL)
    assert prontod.call_back(SECRET, body) == "unmatched"
    return found, body


def forget(prontod, **body):
    return prontod.post("/v1/forget", body, status=200)["erased"]


def open_stream(prontod):
    """GET /v1/events, left open."""
    connection = clients.UnixConnection(str(prontod.socket), harness.PATIENCE)
    connection.request("GET", "/v1/events")
    response = connection.getresponse()
    assert response.status == 200
    return connection, response


def start(new_prontod, silent):
    prontod = new_prontod(silent.url, secrets=[SECRET])
    prontod.hook("crm", then='echo "outputerased $PRONTO_EMAIL"; echo "$PRONTO_PHONE" >&2')
    prontod.hook("broken", then='echo "outputerased"; exit 65')
    return prontod.start()


def forget_all(new_prontod, silent, **identifier):
    prontod = start(new_prontod, silent)
    other, _ = prontod.submit(silent, firstname="Grace", linkedin_url="https://www.linkedin.com/in/adaerased")
    _, unclaimed = traces(prontod, silent)
    assert copies(prontod, *WORDS) == WORDS, "the search finds what is there"
    stream, response = open_stream(prontod)
    over = threading.Event()

    def load():
        while not over.is_set():
            prontod.callback(SECRET, harness.result(str(uuid.uuid4()), email="else@example.com"))

    thread = threading.Thread(target=load)
    thread.start()
    try:
        assert forget(prontod, **identifier) == 3
        over.set()
        thread.join()
        assert not copies(prontod, *WORDS)
        assert forget(prontod, **identifier) == 0
    finally:
        over.set()
        thread.join()
        response.close()
        stream.close()
    assert [one["id"] for one in prontod.items("/v1/requests")] == [other["id"]]
    assert prontod.callback(SECRET, unclaimed).status == 200
    assert not copies(prontod, *WORDS), "it does not come back"
    prontod.restart()
    assert not copies(prontod, *WORDS)


def test_by_linkedin_url(new_prontod, silent):
    forget_all(new_prontod, silent, linkedin_url="http://LinkedIn.com/in/adaerased-1")


def test_by_email(new_prontod, silent):
    forget_all(new_prontod, silent, email="Erased@Example.com")


def test_by_personal_email(new_prontod, silent):
    forget_all(new_prontod, silent, email="erased@private.example.com")


def test_by_ids(new_prontod, silent):
    prontod = start(new_prontod, silent)
    found, _ = traces(prontod, silent)
    assert forget(prontod, enrichment_id=found["enrichment_id"]) == 1
    assert prontod.query("GET", f"/v1/requests/{found['id']}").status == 404
    first = prontod.items("/v1/requests")[0]
    assert forget(prontod, request_id=first["id"]) == 1
    assert prontod.items("/v1/requests") == []
    waiting = prontod.items("/v1/callbacks")
    assert [one["state"] for one in waiting] == ["unmatched"]
    assert forget(prontod, enrichment_id=waiting[0]["enrichment_id"]) == 1
    assert prontod.items("/v1/callbacks") == []
    assert not copies(prontod, *WORDS)


def test_one_of_a_batch_is_not_named_by_the_id_of_all(new_prontod, silent):
    prontod = new_prontod(silent.url).start()
    found, _ = prontod.submit_batch(silent, [harness.contact(firstname=f"Ada{row}") for row in range(3)])
    prontod.post("/v1/forget", {"enrichment_id": found[0]["enrichment_id"]}, status=409)
    assert forget(prontod, request_id=found[1]["id"]) == 1
    assert len(prontod.items("/v1/requests")) == 2


def test_what_is_wrong_is_named(new_prontod):
    prontod = new_prontod().start()
    for body in ({}, {"email": "a@example.com", "request_id": "x"}, {"email": 1}, {"phone": "+1"}, {"email": "nobody"},
                 {"linkedin_url": "https://www.linkedin.com/"}):
        assert "detail" in prontod.post("/v1/forget", body, status=422)
    assert forget(prontod, request_id="nonsense") == 0
    assert forget(prontod, email="nobody@example.com") == 0


def test_with_prontoctl(new_prontod, silent):
    prontod = start(new_prontod, silent)
    found, _ = traces(prontod, silent)
    assert prontod.ctl_json("forget", found["id"]) == {"erased": 1}
    prontod.ctl("forget", found["id"], status=6)
    assert prontod.ctl_json("forget", prontod.items("/v1/requests")[0]["enrichment_id"]) == {"erased": 1}
    assert prontod.ctl_json("forget", "erased@example.com") == {"erased": 1}
    prontod.ctl("forget", "erased@example.com", status=6)
    prontod.ctl("forget", URL, status=6)
    prontod.ctl("forget", "linkedin.com/", status=2)


def test_a_hook_that_runs_is_told_to_end(new_prontod):
    prontod = new_prontod(secrets=[SECRET])
    told = prontod.directory / "told"
    crm = prontod.hook("crm", then=f'trap \'touch "{told}"; exit 1\' TERM; '
                                   f'[ "$PRONTO_EMAIL" != erased@example.com ] || while :; do sleep 0.02; done',
                       concurrency=1)
    prontod.start()
    one, two = str(uuid.uuid4()), str(uuid.uuid4())
    registered = prontod.register(one)
    prontod.call_back(SECRET, harness.result(one, email="erased@example.com"))
    crm.wait()
    assert prontod.query("DELETE", f"/v1/requests/{registered['id']}").status == 204
    wait_until(told.exists, "SIGTERM")
    other = prontod.register(two)
    prontod.call_back(SECRET, harness.result(two))
    crm.wait(2)
    wait_until(lambda: prontod.request(other["id"])["deliveries"][0]["state"] == "succeeded")
    assert len(prontod.items("/v1/deliveries")) == 1
    assert not copies(prontod, "erased@example.com")
