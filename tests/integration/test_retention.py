"""Retention: what is old goes by itself, what is still wanted waits, and callbacks are answered meanwhile."""

import sqlite3
import threading
import uuid

import harness
from harness import wait_until

SECRET = "secret-" + uuid.uuid4().hex
DAY_MS = 24 * 60 * 60 * 1000


def copies(prontod, *words):
    """Which of the words are anywhere in the files of the store."""
    content = b"".join(file.read_bytes() for file in prontod.database.parent.iterdir())
    return [word for word in words if word.encode() in content]


def finish(prontod, **fields):
    """A registered request with its result."""
    one = str(uuid.uuid4())
    registered = prontod.register(one, **fields)
    body = harness.result(one, email="erased@example.com", custom=fields.get("custom"))
    assert prontod.call_back(SECRET, body) == "matched"
    return registered["id"], one


def is_gone(prontod, request_id):
    return prontod.query("GET", f"/v1/requests/{request_id}").status == 404


def test_what_ended_goes_with_everything(new_prontod):
    prontod = new_prontod(secrets=[SECRET], config={"store": {"retention": "2s"}})
    crm = prontod.hook("crm", then='echo "$PRONTO_EMAIL"')
    prontod.start()
    pending = prontod.register(str(uuid.uuid4()), firstname="Grace")
    request, enrichment_id = finish(prontod, firstname="Adaerased", custom={"k": "custom-value-erased"})
    crm.wait()
    wait_until(lambda: is_gone(prontod, request))
    wait_until(lambda: not copies(prontod, "Adaerased", "erased@example.com", "custom-value-erased"), "the end of the WAL")
    assert prontod.items("/v1/callbacks") == [] and prontod.items("/v1/deliveries") == []
    assert prontod.request(pending["id"])["firstname"] == "Grace"
    assert prontod.callback(SECRET, harness.result(enrichment_id, email="erased@example.com")).status == 200
    assert prontod.items("/v1/callbacks") == [] and not copies(prontod, "erased@example.com")


def test_callbacks_that_belong_to_nobody_go(new_prontod):
    prontod = new_prontod(secrets=[SECRET], config={"store": {"retention": "1s"}}).start()
    assert prontod.call_back(SECRET, harness.result(str(uuid.uuid4()), email="erased@example.com")) == "unmatched"
    assert prontod.callback(SECRET, "no JSON of erased@example.com").status == 400
    wait_until(lambda: prontod.items("/v1/callbacks") == [])
    wait_until(lambda: not copies(prontod, "erased@example.com"), "the end of the WAL")


def test_what_a_delivery_waits_for_stays(new_prontod):
    prontod = new_prontod(secrets=[SECRET], config={"store": {"retention": "1s"}})
    crm = prontod.hook("crm", then="exit 75", backoff="1h 1h", enrichment_type="email")
    prontod.start()
    waits, _ = finish(prontod)
    crm.wait()
    delivery = prontod.request(waits)["deliveries"][0]["id"]
    prontod.wait_delivery(delivery, "retrying")
    for _ in range(2):
        other, _ = finish(prontod, enrichment_type="phone")
        wait_until(lambda one=other: is_gone(prontod, one))
    assert prontod.request(waits)["state"] == "finished"
    crm.write()
    prontod.post(f"/v1/deliveries/{delivery}/retry")
    wait_until(lambda: is_gone(prontod, waits))


def test_dead_deliveries_are_warned_of_and_go(new_prontod):
    prontod = new_prontod(secrets=[SECRET], config={"store": {"retention": 0}})
    crm = prontod.hook("crm", then="exit 65")
    prontod.start()
    request, _ = finish(prontod)
    crm.wait()
    delivery = prontod.request(request)["deliveries"][0]["id"]
    prontod.wait_delivery(delivery, "dead")
    assert "will be erased" not in prontod.log()
    prontod.config["store"]["retention"] = "1s"
    prontod.reload()
    wait_until(lambda: is_gone(prontod, request))
    assert prontod.query("GET", f"/v1/deliveries/{delivery}").status == 404
    lines = [line for line in prontod.log().splitlines() if "will be erased" in line]
    assert len(lines) == 1 and "1 dead delivery will" in lines[0] and "prontoctl retry --dead" in lines[0], lines


def make_older(prontod, tables, days):
    """Moves all times of the tables into the past."""
    columns = {"request": ["created_at", "submitted_at", "finished_at"], "callback": ["received_at"], "event": ["at"]}
    with sqlite3.connect(prontod.database) as connection:
        for table in tables:
            for column in columns[table]:
                connection.execute(f"UPDATE {table} SET {column} = {column} - {days * DAY_MS}")
    connection.close()


def test_a_clock_far_ahead_erases_nothing_at_once(new_prontod):
    prontod = new_prontod(secrets=[SECRET], config={"store": {"retention": "10d"}}).start()
    request, _ = finish(prontod)
    prontod.stop()
    make_older(prontod, ["request", "callback", "event"], 30)
    prontod.start()
    wait_until(lambda: "nothing is erased for its age for an hour" in prontod.log())
    assert prontod.request(request)["state"] == "finished"
    prontod.reload()
    wait_until(lambda: "configuration reloaded" in prontod.log())
    assert prontod.request(request)["state"] == "finished"
    assert prontod.log().count("nothing is erased for its age") == 1


def test_what_is_old_goes_at_the_start(new_prontod):
    prontod = new_prontod(secrets=[SECRET], config={"store": {"retention": "10d"}}).start()
    request, _ = finish(prontod)
    prontod.stop()
    make_older(prontod, ["request", "callback"], 30)
    prontod.start()
    wait_until(lambda: is_gone(prontod, request))


def test_callbacks_are_answered_while_thousands_go(new_prontod):
    prontod = new_prontod(secrets=[SECRET], config={"store": {"retention": 0}}).start()

    def fill(_):
        for _ in range(250):
            finish(prontod)

    harness.parallel(fill, range(8))

    def finished():
        return prontod.get("/v1/status")["requests"]["finished"]

    statuses, over = [], threading.Event()

    def call_back():
        while not over.is_set():
            statuses.append(prontod.callback(SECRET, harness.result(str(uuid.uuid4()))).status)

    thread = threading.Thread(target=call_back)
    thread.start()
    try:
        wait_until(lambda: statuses)
        prontod.config["store"]["retention"] = "1s"
        prontod.reload()
        wait_until(lambda: not finished())
        assert prontod.items("/v1/requests") == []
    finally:
        over.set()
        thread.join()
    assert statuses and set(statuses) == {200}
