"""prontoctl import, export and watch: files of contacts in, results out."""

import csv
import io
import json
import os
import pty
import re
import select
import signal
import subprocess

import pytest

import harness
from harness import wait_until


def row_of(number):
    return [f"Ada{number}", "Lovelace", f"e{number}.example.com", f"custom-value {number}"]


def rows_text(numbers, header="First Name,last_name,Domain,crm id"):
    return header + "\n" + "".join(",".join(row_of(number)) + "\n" for number in numbers)


def write(prontod, data, name="contacts.csv"):
    path = prontod.directory / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def summary(run):
    return json.loads(run.stdout)


def start_import(prontod, *arguments, **keys):
    return subprocess.Popen([harness.PRONTOCTL, "--socket", prontod.socket, "import", *map(str, arguments)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **keys)


@pytest.fixture(name="prontod")
def make_prontod(new_prontod, sim):
    return new_prontod(sim.url).start()


# Reading files

@pytest.mark.parametrize("data", [
    'firstname,lastname,domain,note\n"Ada ""A""","Lovelace, Countess",example.com,"one\ntwo"\n',
    '\ufefffirstname,lastname,domain,note\r\n"Ada ""A""","Lovelace, Countess",example.com,"one\ntwo"\r\n',
    'First Name;Last Name;Company Domain;note\n"Ada ""A""";Lovelace, Countess;example.com;"one\ntwo"\n',
    'FIRST_NAME\tLAST-NAME\tdomain\tnote\n"Ada ""A"""\tLovelace, Countess\texample.com\t"one\ntwo"\n',
    'firstname,lastname,domain,note\n\n"Ada ""A""","Lovelace, Countess",example.com,"one\ntwo"',
    'firstname|lastname|domain|note\n"Ada ""A"""|Lovelace, Countess|example.com|"one\ntwo"\n',
], ids=["plain", "bom-crlf", "semicolon", "tab", "empty-line-no-end", "pipe"])
def test_every_dialect_is_the_same_contact(prontod, sim, data):
    more = ["--delimiter", "|"] if "|" in data else []
    answer = summary(prontod.ctl("import", "--custom-columns", "note", *more, write(prontod, data)))
    assert (answer["rows"], answer["new"], answer["wrong"]) == (1, 1, 0)
    item = prontod.items("/v1/requests")[0]
    assert (item["firstname"], item["lastname"], item["domain"]) == ('Ada "A"', "Lovelace, Countess", "example.com")
    assert item["custom"] == {"note": "one\ntwo"}
    sim.wait(contacts=1)


def test_wrong_rows_are_named_and_the_good_ones_sent(prontod, sim):
    path = write(prontod, b'firstname,lastname,domain\n'
                          b'Ada,Lovelace,example.com\n'          # 2
                          b'"Gra\nce",Hopper,example.org\n'      # 3 and 4
                          b'Ada,,example.com\n'                  # 5
                          b'Ada,Love"lace,example.com\n'         # 6
                          b'Ada,L\xe9,example.com\n'             # 7
                          b'Ada,Lovelace\n'                      # 8
                          b'Ada,"Lovelace,example.com\n'         # 9
                          b'Ada,Last,example.com\n')             # 10
    run = prontod.ctl("import", path, status=2)
    faults = dict(re.findall(rf"^{re.escape(str(path))}:(\d+): (.*)$", run.stderr, re.M))
    assert sorted(map(int, faults)) == [5, 6, 7, 8, 9]
    assert "lastname" in faults["5"] and "quote" in faults["6"] and "UTF-8" in faults["7"]
    assert "2 columns" in faults["8"] and "never closed" in faults["9"]
    assert (summary(run)["new"], summary(run)["wrong"]) == (3, 5)
    sim.wait(contacts=3)
    assert sorted(one["lastname"] for one in prontod.items("/v1/requests")) == ["Hopper", "Last", "Lovelace"]


@pytest.mark.parametrize("header, options, words", [
    ("firstname,lastname,x", [], ["domain", "company_name", "--map"]),
    ("firstname,lastname,domain", ["--type", "phone"], ["linkedin_url", "--map"]),
    ("firstname,First Name,lastname,domain", [], ["'firstname' and 'First Name'", "--map"]),
    ("firstname,lastname,domain", ["--map", "firstname=Vorname"], ["no column 'Vorname'"]),
    ("firstname,lastname,domain", ["--custom-columns", "crm"], ["no column 'crm'"]),
    ("", [], ["empty"]),
])
def test_a_header_that_does_not_do(prontod, header, options, words):
    run = prontod.ctl("import", *options, write(prontod, header + "\n"), status=2)
    assert all(word in run.stderr for word in words), run.stderr


def test_utf16_is_named(prontod):
    run = prontod.ctl("import", write(prontod, "firstname,lastname,domain\n".encode("utf-16")), status=2)
    assert "UTF-16" in run.stderr


def test_map_and_types(prontod):
    path = write(prontod, "Vorname,Nachname,Profil,Land\nAda,Lovelace,https://linkedin.example/in/ada,\"FR, US\"\n")
    prontod.ctl("import", "--map", "firstname=Vorname", "--map", "last name=nachname", "--map", "linkedin_url=Profil",
                "--map", "phone_country_codes=Land", "--type", "phone", path)
    item = prontod.items("/v1/requests")[0]
    assert (item["enrichment_type"], item["phone_country_codes"]) == ("phone", ["FR", "US"])


def test_a_prontod_that_is_away(prontod):
    path = write(prontod, rows_text(range(3)))
    assert prontod.stop() == 0
    prontod.ctl("import", path, status=7)
    answer = summary(prontod.ctl("import", "--dry-run", path))
    assert (answer["good"], answer["credits"]) == (3, None)
    prontod.start()


# Each row once

@pytest.mark.parametrize("options", [[], ["--batch=10"]], ids=["single", "batch"])
def test_run_again_submits_nothing_again(prontod, sim, options):
    path = write(prontod, rows_text(range(25)))
    assert summary(prontod.ctl("import", *options, path))["new"] == 25
    assert summary(prontod.ctl("import", *options, path))["known"] == 25
    other = write(prontod, rows_text(reversed(range(27)), "first_name,lastname,domain,other"), "moved.csv")
    answer = summary(prontod.ctl("import", other))
    assert (answer["new"], answer["known"]) == (2, 25)
    assert summary(prontod.ctl("import", "--batch", other))["known"] == 27
    assert summary(prontod.ctl("import", "--label", "second", *options, path))["new"] == 25
    sim.wait(contacts=52)
    assert len(prontod.items("/v1/requests")) == 52 and sim.log()["counts"]["contacts"] == 52


@pytest.mark.parametrize("options", [[], ["--batch=5"]], ids=["single", "batch"])
def test_equal_rows_are_one_request(prontod, sim, options):
    path = write(prontod, rows_text([1, 2, 1, 3, 1, 4, 5, 6, 1]))
    answer = summary(prontod.ctl("import", *options, path))
    assert (answer["rows"], answer["new"], answer["repeated"], answer["known"]) == (9, 6, 3, 0)
    sim.wait(contacts=6)
    assert len(prontod.items("/v1/requests")) == 6


def test_batches_are_sent_as_such(prontod, sim):
    prontod.ctl("import", "--batch=10", write(prontod, rows_text(range(25))))
    sim.wait(contacts=25)
    assert sim.log()["counts"]["submissions"] == 3


def sending(prontod, at_least):
    """Enough of the rows are stored, so that import is in the middle of its work."""
    wait_until(lambda: sum(prontod.get("/v1/status")["requests"].values()) >= at_least, "the middle of the import")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stopped_and_run_again(prontod, sim, number):
    path = write(prontod, rows_text(range(400)))
    lines = path.read_text().splitlines(keepends=True)
    with start_import(prontod, "-", stdin=subprocess.PIPE) as process:
        process.stdin.write("".join(lines[:101]))
        process.stdin.flush()
        sending(prontod, 100)
        process.send_signal(number)
        _, errors = process.communicate(timeout=harness.PATIENCE)
    if number == signal.SIGINT:
        assert process.returncode == 130 and "line 101" in errors and "run it again" in errors
    answer = summary(prontod.ctl("import", path))
    assert (answer["new"], answer["known"]) == (300, 100)
    sim.wait(contacts=400)
    assert sim.log()["counts"]["repeats"] == 0


@pytest.mark.parametrize("options", [[], ["--batch=7"]], ids=["single", "batch"])
def test_prontod_killed_in_the_middle(prontod, sim, options):
    lines = rows_text(range(1500)).splitlines(keepends=True)
    sim.behave(lose=1)
    with start_import(prontod, *options, "-", stdin=subprocess.PIPE) as process:
        process.stdin.write("".join(lines[:701]))
        process.stdin.flush()
        sending(prontod, 100)
        prontod.kill()
        process.stdin.write("".join(lines[701:]))
        process.stdin.close()
        assert "trying again" in process.stderr.readline()
        prontod.start()
        out = process.stdout.read()
        errors = process.stderr.read()
    assert process.returncode == 0, errors
    assert json.loads(out) | {"file": "-"} == {"file": "-", "rows": 1500, "wrong": 0, "new": 1500, "known": 0, "repeated": 0,
                                               "interrupted": False}
    found = [one["firstname"] for one in prontod.items("/v1/requests")]
    assert len(found) == 1500 and len(set(found)) == 1500


def test_gives_up_on_a_prontod_that_stays_away(prontod):
    lines = rows_text(range(60)).splitlines(keepends=True)
    with start_import(prontod, "--patience", "1ms", "-", stdin=subprocess.PIPE) as process:
        process.stdin.write("".join(lines[:31]))
        process.stdin.flush()
        sending(prontod, 30)
        prontod.stop()
        _, errors = process.communicate("".join(lines[31:]), timeout=harness.PATIENCE)
    assert process.returncode == 7 and "run it again" in errors
    prontod.start()
    answer = summary(prontod.ctl("import", write(prontod, "".join(lines))))
    assert (answer["new"], answer["known"]) == (30, 30)


def test_a_batch_that_is_refused_is_sent_row_by_row(prontod, sim):
    """The key of A B is taken by another contact: that row alone is wrong."""
    key = "import:073b64377a19b77cbb5daf0ec9208913"
    prontod.post("/v1/requests", harness.contact(), status=202, headers={"Idempotency-Key": key})
    path = write(prontod, "firstname,lastname,domain,linkedin\nAda,Lovelace,example.com,\nA,B,c.d,http://l.x/\n"
                          "Grace,Hopper,example.org,\n")
    run = prontod.ctl("import", "--batch", path, status=2)
    assert f"{path}:3: " in run.stderr and "another body" in run.stderr
    assert (summary(run)["new"], summary(run)["wrong"]) == (2, 1)
    sim.wait(contacts=3)
    run = prontod.ctl("import", "--wait", path, status=2)
    assert "time is over" not in run.stderr and "no request" not in run.stderr


# What it says

def test_a_dry_run_sends_nothing(prontod):
    path = write(prontod, rows_text(range(10)) + "Ada,,\n")
    run = prontod.ctl("import", "--dry-run", path, status=2)
    answer = summary(run)
    assert (answer["rows"], answer["good"], answer["wrong"]) == (11, 10, 1)
    prices = prontod.get("/v1/status").get("credits", {}).get("prices")
    assert answer["credits"] == (10 * prices["email"] if prices else None)
    assert f"{path}:12: " in run.stderr
    assert prontod.items("/v1/requests") == []


def test_the_summary_for_people(prontod):
    path = write(prontod, rows_text(range(3)) + "Ada,,,\n")
    assert prontod.ctl("--format", "table", "import", path, status=2).stdout == "imported 3 rows: 3 new, 0 known, 1 wrong\n"
    assert prontod.ctl("--format", "table", "import", path, status=2).stdout == "imported 3 rows: 0 new, 3 known, 1 wrong\n"


def test_a_bar_on_a_terminal(prontod):
    """Of the terminal's width, and gone at the end."""
    path = write(prontod, rows_text(range(3000)))
    main, terminal = pty.openpty()
    with subprocess.Popen([harness.PRONTOCTL, "--socket", prontod.socket, "import", path], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=terminal) as process:
        os.close(terminal)
        shown = b""
        while select.select([main], [], [], harness.PATIENCE)[0]:
            try:
                piece = os.read(main, 65536)
            except OSError:
                break
            shown += piece
        out = process.stdout.read()
    os.close(main)
    assert process.returncode == 0 and json.loads(out)["new"] == 3000
    lines = shown.decode().split("\r")
    assert any("/3000 rows sent" in line and "[#" in line for line in lines), shown[:2000]
    assert all(len(line.replace("\x1b[K", "")) < 80 for line in lines)
    assert lines[-1] == "\x1b[K"


# Waiting

def test_wait_until_all_have_finished(prontod, sim):
    sim.behave(delay="50ms")
    answer = summary(prontod.ctl("import", "--wait", write(prontod, rows_text(range(40)))))
    assert (answer["finished"], answer["failed"], answer["expired"]) == (40, 0, 0)
    assert {one["state"] for one in prontod.items("/v1/requests")} == {"finished"}


def test_wait_when_some_fail(prontod, sim):
    sim.behave(submit_status=422, submit_status_count=1)
    run = prontod.ctl("import", "--wait", write(prontod, rows_text(range(5))), status=1)
    assert (summary(run)["finished"], summary(run)["failed"]) == (4, 1)


def test_wait_no_longer_than_told(prontod, sim):
    sim.behave(lose=1)
    run = prontod.ctl("import", "--wait=500ms", write(prontod, rows_text(range(3))), status=1)
    assert "the time is over: 3 rows" in run.stderr


@pytest.mark.parametrize("behaviour, status", [({"submit_status": 401}, 3), ({"out_of_credits": True}, 5)])
def test_wait_ends_when_nothing_can_be_sent(prontod, sim, behaviour, status):
    sim.behave(**behaviour)
    path = write(prontod, rows_text(range(3)))
    run = prontod.ctl("import", "--wait", path, status=status)
    assert "stay queued" in run.stderr
    run = prontod.ctl("import", path)  # without waiting it is only said
    assert "stay queued" in run.stderr and summary(run)["known"] == 3


def test_wait_needs_a_file(prontod):
    assert "second time" in prontod.ctl("import", "--wait", "-", status=2).stderr
    fifo = prontod.directory / "fifo"
    os.mkfifo(fifo)
    with start_import(prontod, "--wait", fifo) as process:
        fifo.write_text(rows_text(range(3)))
        _, errors = process.communicate(timeout=harness.PATIENCE)
    assert process.returncode == 2 and "second time" in errors
    assert prontod.items("/v1/requests") == []


# Exporting

def test_the_round_trip_keeps_the_columns(prontod):
    """import | wait | export: what was there is there byte for byte, with the results behind."""
    original = ('\ufeffFirst Name;"Last; Name";Domain;note\r\n'
                'Ada;"Love""lace";one.example.com;"=1+1\r\nx"\r\n'
                '  Grace ;Hopper;two.example.com;\u00e9\n'
                ';;;\r\n'
                'Ada;"Love""lace";one.example.com;"=1+1\r\nx"\r\n'
                '"Nobody";;;wrong\r\n'
                'x;y\r\n'
                'Last;One;three.example.com;"no end"')
    path = write(prontod, original)
    options = ["--custom-columns", "note", "--map", "lastname=Last; Name"]
    prontod.ctl("import", "--wait", *options, path, status=2)
    out = subprocess.run([harness.PRONTOCTL, "--socket", prontod.socket, "export", *options, path], capture_output=True,
                         check=True).stdout.decode()
    head = ";request_id;state;email;email_status;personal_email;personal_email_status;phones;error"
    assert out.startswith('\ufeffFirst Name;"Last; Name";Domain;note' + head + "\r\n")
    for row in ('Ada;"Love""lace";one.example.com;"=1+1\r\nx"', "  Grace ;Hopper;two.example.com;\u00e9", '"Nobody";;;wrong',
                'Last;One;three.example.com;"no end"'):
        assert "\n" + row + ";" in out, out
    rows = list(csv.DictReader(io.StringIO(out[1:], newline=""), delimiter=";"))
    assert [row["state"] for row in rows] == ["finished", "finished", "", "finished", "", "", "finished"]
    assert rows[0]["request_id"] == rows[3]["request_id"] != rows[1]["request_id"]
    assert rows[0]["email"] == prontod.request(rows[0]["request_id"])["result"]["email"]
    assert "lastname" in rows[4]["error"] and "2 columns" in rows[5]["error"] and rows[5]["First Name"] == "x;y"
    assert all(None not in row and None not in row.values() for row in rows)


def test_export_names_rows_that_were_not_sent(prontod):
    prontod.ctl("import", write(prontod, rows_text(range(3)), "few.csv"))
    path = write(prontod, rows_text(range(5)))
    items = [json.loads(line) for line in prontod.ctl("export", "--output", "ndjson", path).stdout.splitlines()]
    assert [item["request"] is None for item in items] == [False] * 3 + [True] * 2
    assert items[0]["columns"]["First Name"] == "Ada0" and "not submitted" in items[4]["error"]
    assert json.loads(prontod.ctl("export", "--output", "json", path).stdout) == items


def test_export_the_list(prontod, sim):
    prontod.ctl("import", "--wait", "--custom-columns", "crm id", write(prontod, rows_text(range(1203))))
    sim.behave(lose=1)
    prontod.submit(sim)
    items = prontod.items("/v1/requests")
    rows = list(csv.DictReader(io.StringIO(prontod.ctl("export").stdout)))
    assert [row["id"] for row in rows] == [item["id"] for item in items]
    assert list(rows[0]) == ["id", "state", "enrichment_id", "enrichment_type", "firstname", "lastname", "domain", "company_name",
                             "linkedin_url", "custom", "email", "email_status", "personal_email", "personal_email_status",
                             "phones", "created_at", "submitted_at", "finished_at", "source", "error"]
    assert json.loads(rows[5]["custom"]) == items[5]["custom"] and rows[5]["email"] == items[5]["result"]["email"]
    custom = list(csv.DictReader(io.StringIO(prontod.ctl("export", "--custom-columns", "crm id").stdout)))
    assert custom[5]["crm id"] == items[5]["custom"]["crm id"] and "custom" not in custom[5]
    for options in (["--output", "json"], ["--output", "json", "--state", "finished"]):
        answer = prontod.ctl_json("export", *options)
        assert answer == [item for item in items if len(options) == 2 or item["state"] == "finished"]
    lines = prontod.ctl("export", "--output", "ndjson", "--state", "pending").stdout.splitlines()
    assert [json.loads(line)["state"] for line in lines] == ["pending"]
    assert prontod.ctl_json("--format", "json", "export", "--until", "2001-01-01") == []


def test_results_are_no_formulas(prontod, silent):
    """Telephone numbers stay as they are."""
    path = write(prontod, "firstname,lastname,linkedin\nAda,=1+1,https://linkedin.example/in/ada\n")
    prontod.ctl("import", "--type", "phone", path)
    item = prontod.items("/v1/requests")[0]
    item = prontod.wait_state(item["id"], "pending")
    prontod.call_back(prontod.token_of(silent, item["enrichment_id"]), harness.result(
        item["enrichment_id"], last_name="=1+1", email="=cmd|' /c'!A0", phone=["+12015550123", "+12015550124"]))
    out = prontod.ctl("export", "--type", "phone", path).stdout
    row = next(csv.DictReader(io.StringIO(out)))
    assert row["email"] == "'=cmd|' /c'!A0" and row["phones"] == "+12015550123 +12015550124" and row["lastname"] == "=1+1"
    row = next(csv.DictReader(io.StringIO(prontod.ctl("export").stdout)))
    assert row["lastname"] == "'=1+1"


# Watching

class Watch:
    def __init__(self, prontod, *options):
        self.process = subprocess.Popen([harness.PRONTOCTL, "--socket", prontod.socket, *options], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)

    def until(self, event):
        """The events up to one of this name."""
        found = []
        while not found or found[-1]["event"] != event:
            line = self.process.stdout.readline()
            assert line, self.process.communicate()
            found.append(json.loads(line))
        return found

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        _, errors = self.process.communicate(timeout=harness.PATIENCE)
        return self.process.returncode, errors


def test_watch_resumes_when_prontod_comes_again(prontod, sim):
    watch = Watch(prontod, "watch", "--since", "0")
    first = prontod.ctl_json("submit", "--firstname", "Ada", "--lastname", "Lovelace", "--domain", "example.com", "--type", "email")
    events = watch.until("request.finished")
    assert {one["request_id"] for one in events if one["event"].startswith("request.")} == {first["id"]}
    sim.behave(lose=1)
    prontod.restart()
    second = prontod.ctl_json("submit", "--firstname", "Grace", "--lastname", "Hopper", "--domain", "example.org", "--type",
                              "email")
    events += watch.until("request.pending")
    assert events[-1]["request_id"] == second["id"]
    ids = [one["id"] for one in events]
    assert len(ids) == len(set(ids))
    status, errors = watch.stop()
    assert status == 0 and "lost" in errors and "there again" in errors


def test_watch_for_people_and_wrong_since(prontod):
    watch = Watch(prontod, "--format", "table", "watch", "--since", "0")
    one = prontod.ctl_json("submit", "--firstname", "Ada", "--lastname", "Lovelace", "--domain", "example.com", "--type", "email")
    line = watch.process.stdout.readline()
    assert "request.queued" in line and one["id"] in line
    assert watch.stop()[0] == 0
    assert "since" in prontod.ctl("watch", "--since", "nonsense", status=2).stderr


def test_watch_ends_quietly_when_nobody_reads(prontod):
    watch = Watch(prontod, "watch", "--since", "0")
    watch.process.stdout.close()
    prontod.ctl("submit", "--firstname", "Ada", "--lastname", "Lovelace", "--domain", "example.com", "--type", "email")
    assert watch.process.wait(harness.PATIENCE) == -signal.SIGPIPE
    assert watch.process.stderr.read() == ""
    watch.process.stderr.close()
