"""[pronto] reuse: a person who was enriched lately is answered from the store; off by default, and off means never."""

import time

import pytest

from harness import contact, wait_until
from pronto_side import LINKEDIN, NEVER_POLLED, accepted, documents, moment


def reusing(sim, new_prontod, reuse="1h", **pronto):
    return new_prontod(sim.url, config={"pronto": NEVER_POLLED | {"reuse": reuse} | pronto})


def enrich(prontod, **fields):
    return prontod.wait_state(prontod.post("/v1/requests", contact(**fields), status=202)["id"], "finished")


@pytest.mark.parametrize("reuse", [None, "0"])
def test_by_default_nothing_is_reused(sim, new_prontod, reuse):
    prontod = reusing(sim, new_prontod, reuse).start()
    assert [enrich(prontod)["source"] for _ in range(3)] == ["callback"] * 3
    assert len(accepted(sim)) == 3


def test_the_same_person_is_answered_from_the_store(sim, new_prontod):
    prontod = reusing(sim, new_prontod)
    crm = prontod.hook("crm")
    prontod.start()
    first = enrich(prontod, custom={"row": 1})
    spent = prontod.get("/v1/status")["credits"]["spent"]
    second = enrich(prontod, custom={"row": 2})
    assert (first["source"], second["source"]) == ("callback", "reuse")
    assert second["id"] != first["id"]
    assert second["custom"] == second["result"]["custom"] == {"row": 2}
    assert second["result"] | {"custom": None} == first["result"] | {"custom": None}
    told = documents(crm, 2)
    document = told[second["id"]]
    assert document["source"] == "reuse" and document["event"] == "finished"
    assert document["request"]["custom"] == document["result"]["custom"] == {"row": 2}
    assert document["result"]["email"] == told[first["id"]]["result"]["email"] == "ada.lovelace@example.com"
    assert len(accepted(sim)) == 1
    assert prontod.get("/v1/status")["credits"]["spent"] == spent


def test_a_new_request_without_custom_has_none(sim, new_prontod):
    prontod = reusing(sim, new_prontod).start()
    enrich(prontod, custom={"row": 1})
    second = enrich(prontod)
    assert second["source"] == "reuse" and second["custom"] in (None, {}) and second["result"]["custom"] in (None, {})


@pytest.mark.parametrize("fields", [
    {"firstname": "Grace"}, {"lastname": "Hopper"}, {"domain": "prontohq.com"}, {"domain": None, "company_name": "Example"},
    {"enrichment_type": "phone", "linkedin_url": LINKEDIN + "ada"},
    {"enrichment_type": "personal_email", "linkedin_url": LINKEDIN + "ada"}], ids=str)
def test_another_person_or_type_is_not(sim, new_prontod, fields):
    prontod = reusing(sim, new_prontod).start()
    enrich(prontod)
    assert enrich(prontod, **fields)["source"] == "callback"
    assert len(accepted(sim)) == 2


def test_other_countries_for_a_phone_are_not(sim, new_prontod):
    prontod = reusing(sim, new_prontod).start()
    fields = {"enrichment_type": "phone", "linkedin_url": LINKEDIN + "ada"}
    french = enrich(prontod, phone_country_codes=["FR"], **fields)
    british = enrich(prontod, phone_country_codes=["GB"], **fields)
    assert british["source"] == "callback" and british["result"]["phones"] != french["result"]["phones"]


def test_a_request_that_has_no_result_yet_is_not_reused(silent, new_prontod):
    prontod = reusing(silent, new_prontod).start()
    first, _ = prontod.submit(silent)
    second, _ = prontod.submit(silent)
    assert first["state"] == second["state"] == "pending"
    assert len(accepted(silent)) == 2


def test_a_failed_request_is_not_reused(sim, new_prontod):
    sim.behave(refuse_name="Ada")
    prontod = reusing(sim, new_prontod).start()
    prontod.wait_state(prontod.post("/v1/requests", contact())["id"], "failed")
    sim.behave(refuse_name="")
    assert enrich(prontod)["source"] == "callback"


def test_a_result_that_is_too_old_is_not_reused(sim, new_prontod):
    prontod = reusing(sim, new_prontod, "1s").start()
    first = enrich(prontod)
    wait_until(lambda: time.time() > moment(first["finished_at"]) + 1.1, "the age")
    assert enrich(prontod)["source"] == "callback"
    assert len(accepted(sim)) == 2


def test_an_erased_result_is_not_reused(sim, new_prontod):
    prontod = reusing(sim, new_prontod).start()
    first = enrich(prontod)
    assert prontod.query("DELETE", f"/v1/requests/{first['id']}").status == 204
    assert enrich(prontod)["source"] == "callback"
    assert len(accepted(sim)) == 2


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_it_works_after_a_restart(sim, new_prontod, end):
    prontod = reusing(sim, new_prontod).start()
    enrich(prontod)
    getattr(prontod, end)()
    prontod.start()
    assert enrich(prontod)["source"] == "reuse"
    assert len(accepted(sim)) == 1


def test_switched_off_by_a_reload_it_never_happens_again(sim, new_prontod):
    prontod = reusing(sim, new_prontod).start()
    enrich(prontod)
    assert enrich(prontod)["source"] == "reuse"
    prontod.config["pronto"]["reuse"] = "0"
    before = prontod.log().count("\n")
    prontod.reload()
    wait_until(lambda: prontod.log().count("\n") > before, "the reload")
    wait_until(lambda: enrich(prontod)["source"] == "callback", "a new submission")


def test_an_empty_result_is_a_result(sim, new_prontod):
    sim.behave(empty_share=1)
    prontod = reusing(sim, new_prontod)
    empty = prontod.hook("empty", only="empty")
    prontod.start()
    enrich(prontod)
    second = enrich(prontod)
    assert second["source"] == "reuse" and second["result"]["email"] is None
    empty.wait(2)


def test_it_works_while_the_budget_is_used_up(sim, new_prontod):
    prontod = reusing(sim, new_prontod, daily_credits=3).start()
    enrich(prontod)
    assert enrich(prontod, custom={"row": 2})["source"] == "reuse"
