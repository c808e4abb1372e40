"""What prontod is to reach, held against what was measured in this run."""

import statistics

from common import spread, table
from contestants import BASE, DURABLE, STORELESS, WEBHOOK, WEBHOOK_TRUE

REACHED, MISSED, UNKNOWN = "reached", "not reached", "not measured"
MEMORY_IDLE_MIB = 16
MEMORY_LOADED_MIB = 64


def at_least(what, least, ratios, words=None):
    """@ratios: of each round; None: not measured. Their median counts."""
    if ratios is None:
        return [what, f"at least {least:g}", "", UNKNOWN]
    verdict = REACHED if statistics.median(ratios) >= least else MISSED
    return [what, f"at least {least:g}", spread(ratios) + (f"; {words}" if words else ""), verdict]


def at_most(what, most, value, measured, unit=""):
    verdict = UNKNOWN if value is None else REACHED if value <= most else MISSED
    return [what, f"at most {most:g}{unit}", measured, verdict]


def rate_goals(rates):
    def ratios(base, connections, key="rate"):
        return rates and rates.ratios(DURABLE, connections, key, base)

    for connections, least in ((64, 0.45), (256, 0.6)):
        yield at_least(f"rate to that of {BASE}, {connections} connections", least, ratios(BASE, connections))
    for connections in (64, 256):
        yield at_least(f"rate to that of {STORELESS}, {connections} connections", 0.95, ratios(STORELESS, connections))
    yield at_least(f"rate to that of {WEBHOOK}, 64 connections", 2.5, ratios(WEBHOOK, 64))
    yield at_least(f"rate to that of {WEBHOOK_TRUE}, 64 connections", 5, ratios(WEBHOOK_TRUE, 64))
    late = ratios(BASE, 64, "p99_ms")
    yield at_most(f"time to the answer, p99, to that of {BASE}, 64 connections", 4, late and statistics.median(late), late and spread(late) or "")


def growth_goals(growth):
    for order, least in (("in order", 0.9), ("random", 0.6)):
        sizes = f"{growth.sizes[-1]:,} pending requests to that with {growth.sizes[0]:,} in order" if growth else "the most pending requests"
        yield at_least(f"rate, callbacks {order}, with {sizes}", least, growth and growth.ratios(order, growth.sizes[-1]))


def memory_goal(what, most, resident, pss, which):
    """Resident memory counts what the three share three times, and is what is judged."""
    if resident is None:
        return at_most(what, most, None, "", " MiB")
    shared = "unknown" if pss is None else f"{pss:.1f} MiB, {REACHED if pss <= most else MISSED} by that"
    return at_most(what, most, resident, f"{resident:.1f} MiB; {which} {shared}", " MiB")


def all_goals(rates, growth, tables):
    """@tables: of the other parts. What was not measured is None or missing."""
    numbers = {name: value for one in tables for name, value in one["numbers"].items()}
    rows = [*rate_goals(rates), at_least("hooks ended a second, to those of webhook", 1, numbers.get("ended")), *growth_goals(growth),
            memory_goal("resident memory of the three processes, idle", MEMORY_IDLE_MIB, numbers.get("idle_resident"), numbers.get("idle_pss"),
                        "Pss"),
            memory_goal(f"resident memory at most, 1,024 connections, {numbers.get('loaded_size', 0):,} pending requests" if "loaded_size" in numbers
                        else "resident memory at most, 1,024 connections", MEMORY_LOADED_MIB, numbers.get("loaded_resident"),
                        numbers.get("loaded_pss"), "Pss afterwards")]
    return table("Goals: what prontod is to reach, and what this run measured", ["", "goal", "measured", ""], rows)
