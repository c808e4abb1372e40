"""The report: one HTML file with plots as inline SVG, and every table that is printed."""

import html

from callbacks import ORDERS, TIMES
from goals import MISSED, REACHED, UNKNOWN
from plots import COLOURS, legend, plot

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --good: #1a8a4a; --bad: #c62f2f }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 84rem; margin: 2rem auto; padding: 0 1rem }
h1 { margin-bottom: 0 } h2 { margin-top: 2.5rem; border-bottom: 2px solid var(--line) } h3 { margin: 1.6rem 0 .3rem; font-size: 1rem }
nav a { margin-right: 1rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .8rem .25rem 0; text-align: left; white-space: nowrap }
tbody tr:hover { background: var(--soft) }
.reached { color: var(--good); font-weight: 600 } .missed { color: var(--bad); font-weight: 600 } .unknown { opacity: .6 }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: 1rem }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; fill: currentColor }
svg .title { font-size: 14px; font-weight: 600 } svg .grid { stroke: var(--line) }
.legend span { margin-right: 1.2rem; white-space: nowrap }
.legend i { display: inline-block; width: 1rem; height: .25rem; margin-right: .4rem; vertical-align: middle }
"""
CLASSES = {REACHED: "reached", MISSED: "missed", UNKNOWN: "unknown"}


def colours(names):
    """The last ones are prontod's, whichever others there are."""
    return dict(zip(names, COLOURS[len(COLOURS) - len(names):]))


def rate_plots(rates):
    colour, labels = colours(rates.names), [f"{one:,}" for one in rates.connections]

    def series(key):
        return [(name, colour[name], [rates.values(name, one, key) for one in rates.connections]) for name in rates.names]
    yield legend(colour.items()) + '<div class="plots">'
    yield plot("Callbacks a second", "connections", labels, series("rate"))
    for key, word in TIMES:
        yield plot(f"Time to the answer, {word}", "connections", labels, series(key), log=True, unit=" ms")
    yield "</div>"


def growth_plot(growth):
    pair = list(zip(ORDERS, (COLOURS[-1], COLOURS[3])))
    yield legend(pair) + '<div class="plots">'
    yield plot(f"Rate, as ratio to that with {growth.sizes[0]:,} in order", "pending requests", [f"{size:,}" for size in growth.sizes],
               [(order, colour, [growth.ratios(order, size) for size in growth.sizes]) for order, colour in pair])
    yield "</div>"


def cells(row, tag):
    made = []
    for cell in row:
        kind = f' class="{CLASSES[cell]}"' if cell in CLASSES else ""
        made.append(f"<{tag}{kind}>{html.escape(str(cell))}</{tag}>")
    return "<tr>" + "".join(made) + "</tr>"


def html_table(one):
    return (f'<h3>{html.escape(one["title"])}</h3><div class="wide"><table><thead>{cells(one["header"], "th")}</thead>'
            f'<tbody>{"".join(cells(row, "td") for row in one["rows"])}</tbody></table></div>')


def write_report(file, notes, sections, rates=None, growth=None):
    """@sections: (name, title, tables, notes) of each part."""
    body = ['<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>prontod: bench</title><style>{STYLE}</style></head><body><h1>prontod: bench</h1>",
            *(f"<p>{html.escape(note)}</p>" for note in notes),
            "<nav>" + "".join(f'<a href="#{name}">{html.escape(title)}</a>' for name, title, *_ in sections) + "</nav>"]
    pictures = {"callbacks": rates and rate_plots(rates), "growth": growth and growth_plot(growth)}
    for name, title, tables, words in sections:
        body += [f'<h2 id="{name}">{html.escape(title)}</h2>', *(f"<p>{html.escape(note)}</p>" for note in words),
                 *(pictures.get(name) or []), *map(html_table, tables)]
    file.write_text("\n".join([*body, "</body></html>"]) + "\n", encoding="utf-8")
