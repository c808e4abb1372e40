"""Lines with the spread of their rounds, as SVG that needs nothing else."""

import html
import math
import statistics

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 30, 44
# Told apart by people with any sight of colours, on white and on black; the last contestant, prontod, has the strongest.
COLOURS = ("#888888", "#b0a060", "#2a9d6f", "#c9751f", "#c23b3b", "#9a5fd0", "#1f77d0")


class Axis:
    """Values from 0, or in powers of ten, to heights."""

    def __init__(self, values, log, unit):
        self.log, self.unit = log, unit
        if log:
            self.low, self.high = (edge(math.log10(value)) for edge, value in ((math.floor, min(values)), (math.ceil, max(values))))
            self.high = max(self.high, self.low + 1)
            self.ticks = [10**power for power in range(self.low, self.high + 1)]
        else:
            step = nice_step(max(values) / 5)
            self.low, self.high = 0, step * math.ceil(max(values) / step)
            self.ticks = [step * i for i in range(round(self.high / step) + 1)]

    def y(self, value):
        place = math.log10(value) if self.log else value
        return HEIGHT - BOTTOM - (place - self.low) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)


def nice_step(least):
    """1, 2 or 5 of a power of ten."""
    power = 10 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)


def number(value, unit):
    return f"{value / 1000:g}k" if value >= 1000 and not unit else f"{value:g}{unit}"


def line(x1, y1, x2, y2, more):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {more}/>'


def text(x, y, words, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{html.escape(words)}</text>'


def plot(title, below, labels, series, log=False, unit=""):
    """@series: (name, colour, for each label the values of the rounds). Zeros have no place on a log axis and are left out."""
    rounds = [(name, colour, [[value for value in values if value > 0 or not log] for values in lists]) for name, colour, lists in series]
    axis = Axis([value for _, _, lists in rounds for values in lists for value in values] or [1], log, unit)
    places = [LEFT + 20 + i * (WIDTH - LEFT - RIGHT - 40) / max(1, len(labels) - 1) for i in range(len(labels))]
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}" xmlns="http://www.w3.org/2000/svg">',
             text(LEFT, 18, title, 'class="title"'), text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, below, 'text-anchor="middle"')]
    for tick in axis.ticks:
        parts += [line(LEFT, axis.y(tick), WIDTH - RIGHT, axis.y(tick), 'class="grid"'),
                  text(LEFT - 6, axis.y(tick) + 4, number(tick, unit), 'text-anchor="end"')]
    parts += [text(x, HEIGHT - BOTTOM + 16, label, 'text-anchor="middle"') for x, label in zip(places, labels)]
    for name, colour, lists in rounds:
        parts += one_line(axis, name, colour, [(x, label, values) for x, label, values in zip(places, labels, lists) if values])
    return "\n".join([*parts, "</svg>"])


def one_line(axis, name, colour, points):
    middles = [(x, axis.y(statistics.median(values))) for x, _, values in points]
    yield f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in middles)}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for (x, y), (_, label, values) in zip(middles, points):
        yield line(x, axis.y(min(values)), x, axis.y(max(values)), f'stroke="{colour}" stroke-width="4" stroke-opacity="0.35"')
        words = html.escape(f"{name}, {label}: {statistics.median(values):,.4g}{axis.unit} ({min(values):,.4g}-{max(values):,.4g})")
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"><title>{words}</title></circle>'


def legend(names_and_colours):
    return '<p class="legend">' + " ".join(f'<span><i style="background:{colour}"></i>{html.escape(name)}</span>'
                                           for name, colour in names_and_colours) + "</p>"
