"""GET /metrics in the text format of Prometheus, and the alerts on it."""

import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

import harness
from harness import wait_until

RULES = pathlib.Path(__file__).parents[2] / "conf" / "prontod.rules.yml"
PROMTOOL = shutil.which("promtool")
SAMPLE = re.compile(r'([a-z_:][a-z0-9_:]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*)\})? (-?[0-9.e+-]+|\+Inf|NaN)')
SECRET = "secret-0123456789abcdef0123456789abcdef"


def metrics(prontod):
    """{name: {labels: value}}, and {name: type}; holds the text against the format on the way."""
    text = prontod.query("GET", "/metrics").body.decode()
    assert text.endswith("\n")
    values, types, done, current = {}, {}, set(), None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split()[2]
            assert name not in types and name not in done and len(line.split()) > 3, line
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert kind in ("counter", "gauge", "histogram") and name not in types, line
            types[name] = kind
            done.add(current)
            current = name
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        name, labels, value = match.groups()
        base = re.sub("_(bucket|sum|count)$", "", name) if types.get(current) == "histogram" else name
        assert base == current, "samples of a metric stand together"
        assert labels not in values.setdefault(name, {}), line
        values[name][labels] = float(value)
    for name, kind in types.items():
        assert name.startswith("prontod_") and (kind == "counter") == name.endswith("_total"), name
        assert not name.endswith(("_ms", "_milliseconds")), "seconds are the unit"
    return values, types


def histogram(values, name, labels=None):
    """(count, sum) of one that is in itself right."""
    before = f"{labels}," if labels else ""
    buckets = [(key, value) for key, value in values[f"{name}_bucket"].items() if key.startswith(before + "le=")]
    bounds = [float(re.search('le="([^"]*)"', key)[1]) for key, _ in buckets]
    counts = [value for _, value in buckets]
    assert bounds == sorted(bounds) and bounds[-1] == float("inf")
    assert counts == sorted(counts), "cumulative"
    assert counts[-1] == values[f"{name}_count"][labels]
    return counts[-1], values[f"{name}_sum"][labels]


@pytest.fixture(name="busy")
def make_busy(new_prontod, silent):
    """One with some of everything behind it."""
    prontod = new_prontod(silent.url, secrets=[SECRET])
    prontod.hook("crm")
    prontod.hook("broken", then="exit 65")
    prontod.start()
    for _ in range(3):
        found, token = prontod.submit(silent)
        body = harness.result(found["enrichment_id"])
        assert prontod.call_back(token, body) == "matched"
        assert prontod.call_back(token, body) == "duplicate"
    assert prontod.call_back(SECRET, harness.result("nobody")) == "unmatched"
    assert prontod.callback("x" * 43, {}).status == 404
    wait_until(lambda: {one["name"]: (one["succeeded"], one["dead"]) for one in prontod.get("/v1/hooks")["items"]} ==
               {"crm": (3, 0), "broken": (0, 3)}, "the hooks")
    return prontod


def test_they_tell_what_was_done(busy):
    values, _ = metrics(busy)
    assert values["prontod_requests"]['state="finished",enrichment_type="email"'] == 3
    assert values["prontod_callbacks"]['state="matched"'] == 3 and values["prontod_callbacks"]['state="unmatched"'] == 1
    assert values["prontod_callback_requests_refused_total"]['reason="unknown_token"'] == 1
    assert values["prontod_submissions_accepted_total"][None] == 3
    assert values["prontod_submitting_state"] == {'state="ok"': 1}
    assert values["prontod_worker_up"] == {'worker="prontod-egress"': 1, 'worker="prontod-runner"': 1}
    assert values["prontod_hook_state"] == {'hook="crm",state="ok"': 1, 'hook="broken",state="ok"': 1}
    assert values["prontod_hook_deliveries"]['hook="broken",state="dead"'] == 3
    assert values["prontod_oldest_seconds"]['what="pending"'] == 0


def test_histograms_count_each_once(busy):
    values, types = metrics(busy)
    assert {name for name, kind in types.items() if kind == "histogram"} == {
        "prontod_store_commit_seconds", "prontod_callback_answer_seconds", "prontod_hook_run_seconds"}
    answers, seconds = histogram(values, "prontod_callback_answer_seconds")
    assert answers == 7 and seconds > 0
    assert histogram(values, "prontod_hook_run_seconds", 'hook="crm"')[0] == 3
    assert histogram(values, "prontod_hook_run_seconds", 'hook="broken"')[0] == 3
    assert histogram(values, "prontod_store_commit_seconds")[0] == values["prontod_store_commits_total"][None]


def test_status_tells_the_last_minute(busy):
    wait_until(lambda: busy.get("/v1/status")["last_minute"] == {"callbacks": 7, "calls": 3, "hook_runs": 6}, "the last minute")


def test_promtool_takes_metrics_and_rules(busy):
    if not PROMTOOL:
        pytest.skip("promtool (Debian's prometheus) is not installed")
    text = busy.query("GET", "/metrics").body
    run = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()
    subprocess.run([PROMTOOL, "check", "rules", RULES], check=True)


def test_rules_name_metrics_and_states_that_there_are(busy):
    values, _ = metrics(busy)
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules) >= 10
    for rule in rules:
        names = set(re.findall(r"prontod_[a-z_]+", rule["expr"]))
        assert names and names <= set(values), rule["alert"]
        assert set(rule["annotations"]) == {"summary", "description"} and rule["labels"]["severity"] in ("critical", "warning", "info")
