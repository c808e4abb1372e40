"""Many contacts from a CSV file through the simulator and back, while callbacks are lost, doubled or early.

PRONTO_CONTACTS sets their number. What is measured on the way (peak memory of the programs) is printed with `pytest -s`.
"""

import csv
import json
import os
import subprocess

import pytest

import harness
import simulator
from harness import wait_until

CONTACTS = int(os.environ.get("PRONTO_CONTACTS", "600"))
PATIENCE = max(harness.PATIENCE, CONTACTS // 50)

SEPARATE = """#!/bin/sh
exec cat >"{path}/$PRONTO_DELIVERY_ID-$PRONTO_ATTEMPT"
"""


def write_contacts(path, number):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["First Name", "Last Name", "Domain", "row"])
        for row in range(number):
            writer.writerow([f"Given{row % 977}", f"Family{row % 1009}", f"d{row % 97}.example.com", row])


def peak_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next((int(line.split()[1]) for line in file if line.startswith("VmHWM")), 0)


def run_import(prontod, source, log):
    """Its peak resident memory in KiB."""
    with open(log, "wb") as output:
        importing = subprocess.Popen([harness.PRONTOCTL, "--socket", prontod.socket, "import", source, "--custom-columns", "row",
                                      "--wait"], stdout=output, stderr=output)
    peak = 0

    def ended():
        nonlocal peak
        peak = max(peak, peak_kib(importing.pid))
        return importing.poll() is not None

    wait_until(ended, "the import", PATIENCE)
    assert importing.returncode == 0, log.read_text()[-3000:]
    return peak


@pytest.fixture
def sim():
    simulated = simulator.Simulator(harness.PRONTO_SIM)
    yield simulated
    simulated.close()


def test_all_of_a_large_file_comes_back_exactly_once(sim, tmp_path):
    prontod = harness.Prontod(sim.url, {
        "pronto": {"concurrency": 50, "rate": 1000, "poll_after": "2s", "deadline": "1h"},
        "store": {"retention": 0}})
    documents = tmp_path / "documents"
    documents.mkdir()
    program = prontod.directory / "collect"
    program.write_text(SEPARATE.format(path=documents))
    program.chmod(0o755)
    prontod.config["hook collect"] = {"command": program, "concurrency": 16}
    source, target = tmp_path / "contacts.csv", tmp_path / "results.csv"
    write_contacts(source, CONTACTS)
    # A fifth of the contacts in all: lost, doubled, early.
    sim.behave(delay="0-300ms", lose=0.07, repeat=1, repeat_share=0.07, early=0.06, empty_share=0.1)
    try:
        prontod.start()
        ctl_kib = run_import(prontod, source, tmp_path / "import.log")
        wait_until(lambda: prontod.get("/v1/status")["deliveries"]["succeeded"] == CONTACTS, "all deliveries", PATIENCE)
        daemon_kib = peak_kib(prontod.process.pid)

        check_simulator(sim)
        check_documents(documents)
        with open(target, "wb") as file:
            subprocess.run([harness.PRONTOCTL, "--socket", prontod.socket, "export", source, "--custom-columns", "row"],
                           stdout=file, timeout=PATIENCE, check=True)
        check_export(target)
        print(f"\n{CONTACTS} contacts; peak resident memory: prontod {daemon_kib} KiB, prontoctl import {ctl_kib} KiB")
    finally:
        prontod.close()


def check_simulator(sim):
    counts = sim.control("GET", "wait?timeout=0")
    assert counts["contacts"] == CONTACTS and counts["repeats"] == 0
    assert counts["lost"] > 0 and counts["polls"] >= counts["lost"]


def check_documents(documents):
    """Each row's document once, with the result that belongs to it."""
    rows = set()
    for path in documents.iterdir():
        document = json.loads(path.read_bytes())
        row = int(document["request"]["custom"]["row"])
        assert row not in rows, f"row {row} was delivered twice"
        rows.add(row)
        assert document["event"] == "finished" and document["source"] in ("callback", "poll")
        assert document["request"]["firstname"] == f"Given{row % 977}" == document["raw"]["first_name"]
        assert document["request"]["lastname"] == f"Family{row % 1009}" == document["raw"]["last_name"]
        assert document["result"]["custom"] == document["raw"]["custom"] == {"row": str(row)}
        assert document["result"]["email"] == document["raw"].get("email")
    assert len(rows) == CONTACTS


def check_export(target):
    with open(target, encoding="utf-8", newline="") as file:
        exported = list(csv.DictReader(file))
    assert [one["row"] for one in exported] == [str(row) for row in range(CONTACTS)]
    assert all(one["state"] == "finished" for one in exported)
    assert len({one["request_id"] for one in exported}) == CONTACTS
