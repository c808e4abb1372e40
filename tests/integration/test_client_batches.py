"""bulk_enrich: arrays, requests that are sent together, and batches with a contact that Pronto refuses."""

import collections

import pytest

import harness
from harness import contact, wait_until
from pronto_side import NEVER_POLLED, accepted, calls, check_each_once, documents, person, phone, rows, submit_all, submit_array, wait_all

BAD = "Unwanted"


def batching(sim, new_prontod, batch, delay="300ms", **pronto):
    return new_prontod(sim.url, config={"pronto": NEVER_POLLED | {"batch": batch, "batch_delay": delay} | pronto})


def sizes(sim):
    return sorted(len(one["contacts"]) for one in sim.submissions())


def people(number, bad=()):
    return [person(row, firstname=BAD) if row in bad else person(row) for row in range(number)]


def check_only_the_bad_failed(sim, prontod, ids, bad):
    for row, one in enumerate(ids):
        found = prontod.wait_state(one, "finished", "failed")
        assert found["state"] == ("failed" if row in bad else "finished"), row
        if row in bad:
            assert "cannot be enriched" in str(found["error"])
        else:
            assert found["result"]["custom"] == {"row": row} and found["error"] is None
    assert rows(sim) == [row for row in range(len(ids)) if row not in bad], "each good one is accepted once"
    counts = sim.log()["counts"]
    assert counts["repeats"] == counts["repeat_while_waiting"] == 0


# A contact that Pronto refuses

@pytest.mark.parametrize("number, bad", [
    (2, [0]), (2, [1]), (2, [0, 1]), (3, [1]), (5, [0]), (5, [4]), (5, [2]), (8, [0, 7]), (8, [1, 2, 3]), (8, list(range(8))),
    (7, [0, 2, 4, 6]), (100, [57])])
def test_in_an_array_only_the_bad_contacts_fail(sim, new_prontod, number, bad):
    sim.behave(refuse_name=BAD)
    prontod = batching(sim, new_prontod, 1)
    crm = prontod.hook("crm", concurrency=8)
    failed = prontod.hook("failed", on="failed", concurrency=8)
    prontod.start()
    ids = submit_array(prontod, people(number, bad))
    check_only_the_bad_failed(sim, prontod, ids, bad)
    if number > len(bad):
        assert set(documents(crm, number - len(bad))) == {one for row, one in enumerate(ids) if row not in bad}
    assert set(documents(failed, len(bad))) == {ids[row] for row in bad}
    assert len(prontod.items("/v1/deliveries")) == number
    # Halves down to the bad one, and doubled again behind it.
    assert len(calls(sim, "POST")) <= 1 + 4 * len(bad) * 7


def test_in_requests_that_are_sent_together_only_the_bad_ones_fail(sim, new_prontod):
    sim.behave(refuse_name=BAD)
    prontod = batching(sim, new_prontod, 10).start()
    bad = [3, 11, 12]
    ids = submit_all(prontod, people(25, bad))
    check_only_the_bad_failed(sim, prontod, ids, bad)


def test_splitting_goes_on_after_a_restart(sim, new_prontod):
    sim.behave(refuse_name=BAD, answer_delay="100ms", retry=100, retry_delay="50ms")
    prontod = batching(sim, new_prontod, 1, concurrency=1).start()
    bad = [2, 9]
    ids = submit_array(prontod, people(16, bad))
    for number in (2, 4):
        sim.wait(calls=number)
        assert prontod.stop() == 0
        prontod.start()
    check_only_the_bad_failed(sim, prontod, ids, bad)


@pytest.mark.parametrize("fault", [{"submit_status": 503, "submit_status_count": 2}, {"submit_status": 429, "submit_status_count": 1}])
def test_a_batch_that_is_refused_for_now_is_not_split(sim, new_prontod, fault):
    sim.behave(**fault)
    prontod = batching(sim, new_prontod, 1).start()
    check_each_once(prontod, submit_array(prontod, people(6)))
    assert sizes(sim) == [6]


@pytest.mark.parametrize("key", ["out_of_credits", "plan_limit"])
def test_want_of_credits_does_not_split_a_batch(sim, new_prontod, key):
    sim.behave(**{key: True})
    prontod = batching(sim, new_prontod, 1).start()
    ids = submit_array(prontod, people(4))
    wait_until(lambda: prontod.request(ids[0])["error"], "the error")
    assert {prontod.request(one)["state"] for one in ids} == {"queued"}
    sim.behave(**{key: False})
    prontod.reload()
    check_each_once(prontod, ids)
    assert sizes(sim) == [4]


# Requests that are sent together

def test_queued_requests_are_sent_together_and_all_results_match(sim, new_prontod):
    sim.behave(delay="0-200ms", reorder="200ms", repeat=1, repeat_share=0.2, early=0.1)
    prontod = batching(sim, new_prontod, 10)
    crm = prontod.hook("crm", concurrency=8)
    prontod.start()
    ids = submit_all(prontod, people(47))
    check_each_once(prontod, ids)
    assert max(sizes(sim)) <= 10 and len(sim.submissions()) < 47
    assert rows(sim) == list(range(47))
    assert set(documents(crm, 47)) == set(ids)
    assert sim.log()["counts"]["repeats"] == 0


def test_a_full_batch_does_not_wait_and_the_one_left_over_goes_single(sim, new_prontod):
    prontod = batching(sim, new_prontod, 3, delay="4s").start()
    ids = submit_all(prontod, people(4))
    check_each_once(prontod, ids)
    assert sizes(sim) == [1, 3]
    assert sorted(one["endpoint"] for one in sim.submissions()) == ["bulk_enrich", "single_enrich"]


def test_one_alone_goes_single_after_the_delay(sim, new_prontod):
    prontod = batching(sim, new_prontod, 10, delay="200ms").start()
    check_each_once(prontod, submit_all(prontod, people(1)))
    assert [one["endpoint"] for one in sim.submissions()] == ["single_enrich"]


def test_only_equal_types_and_countries_are_sent_together(sim, new_prontod):
    prontod = batching(sim, new_prontod, 10, delay="1s").start()
    countries = [None, ["FR"], ["GB"], ["FR", "GB"]]
    given = [phone(row, phone_country_codes=countries[row % 4]) for row in range(20)] + [person(row) for row in range(20, 30)]
    wait_all(prontod, submit_all(prontod, given), "finished")
    assert len(sim.submissions()) < 30
    for one in sim.submissions():
        for sent in one["contacts"]:
            row = sent["custom"]["row"]
            assert one["enrichment_type"] == ("phone" if row < 20 else "email")
            assert one["phone_country_codes"] == (countries[row % 4] if row < 20 else None)
    assert rows(sim) == list(range(30))


def test_by_default_nothing_is_sent_together(sim, new_prontod):
    prontod = new_prontod(sim.url).start()
    check_each_once(prontod, submit_all(prontod, people(10)))
    assert sizes(sim) == [1] * 10


def test_a_restart_while_the_first_waits_for_company(sim, new_prontod):
    prontod = batching(sim, new_prontod, 10, delay="2s").start()
    ids = submit_all(prontod, people(3))
    prontod.kill()
    prontod.start()
    check_each_once(prontod, ids)
    assert rows(sim) == [0, 1, 2]


def test_requests_of_a_hundred_names_that_differ_only_in_custom(sim, new_prontod):
    prontod = batching(sim, new_prontod, 100, delay="2s").start()
    given = [contact(custom={"row": row}) for row in range(100)]
    for row, one in enumerate(submit_all(prontod, given)):
        assert prontod.wait_state(one, "finished")["result"]["custom"] == {"row": row}
    assert rows(sim) == list(range(100))


def test_equal_contacts_are_not_put_into_one_batch_where_nothing_tells_them_apart(sim, new_prontod):
    """Whichever way they are sent, each gets a result."""
    prontod = batching(sim, new_prontod, 10, delay="500ms").start()
    for one in submit_all(prontod, [contact() for _ in range(6)]):
        assert prontod.wait_state(one, "finished")["result"]["email"] == "ada.lovelace@example.com"
    assert len(accepted(sim)) == 6


def test_one_token_for_each_batch(silent, new_prontod):
    prontod = batching(silent, new_prontod, 5, delay="500ms").start()
    wait_all(prontod, submit_all(prontod, people(20)), "pending")
    urls = collections.Counter(one["webhook_url"] for one in silent.submissions())
    assert set(urls.values()) == {1}
    for one in silent.submissions():
        prontod.private.append(one["webhook_url"].rsplit("/", 1)[1])
        for number in range(len(one["contacts"])):
            assert silent.send(one["enrichment_id"], contact=number)["status"] == 200
    assert len(prontod.items("/v1/requests?state=finished")) == 20


def test_a_batch_beside_single_requests_of_another_type(sim, new_prontod):
    prontod = batching(sim, new_prontod, 5).start()
    array = submit_array(prontod, people(7))
    singles = submit_all(prontod, [phone(row) for row in range(7, 14)])
    wait_all(prontod, array + singles, "finished")
    assert rows(sim) == list(range(14))
    assert harness.batch_items(prontod.get("/v1/requests?state=queued")) == []
