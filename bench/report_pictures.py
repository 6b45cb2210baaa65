# SPDX-License-Identifier: Apache-2.0
"""Rooflines and bars as SVG, written by hand: text only, the same bytes for the same records. Colours follow the
reader's light or dark setting; the background comes with the picture, so it can be read on any page."""
import math
from html import escape

FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif"
# (class, light, dark); the modes' colours can be told apart by people who do not see all colours.
FILLS = (("bg", "#ffffff", "#0d1117"), ("ink", "#1f2328", "#e6edf3"), ("soft", "#59636e", "#9198a1"),
         ("npu", "#0072b2", "#56b4e9"), ("exact", "#008f64", "#2fc595"), ("fast", "#d55e00", "#ff9a4d"),
         ("a8", "#aa4499", "#dd88cc"), ("peer", "#8b949e", "#768390"), ("eight", "#d0d7de", "#373e47"),
         ("under", "#0072b210", "#56b4e91c"))
STROKES = (("grid", "#d8dee4", "#262c36"), ("axis", "#8b949e", "#656c76"), ("roof", "#1f2328", "#e6edf3"),
           ("l-npu", "#0072b2", "#56b4e9"), ("l-exact", "#008f64", "#2fc595"), ("l-fast", "#d55e00", "#ff9a4d"),
           ("l-a8", "#aa4499", "#dd88cc"), ("l-soft", "#59636e", "#9198a1"))
MODES = ("npu", "exact", "fast", "a8")


def style():
    light = [f".{name}{{fill:{value}}}" for name, value, _ in FILLS]
    light += [f".{name}{{stroke:{value};fill:none}}" for name, value, _ in STROKES]
    dark = [f".{name}{{fill:{value}}}" for name, _, value in FILLS]
    dark += [f".{name}{{stroke:{value}}}" for name, _, value in STROKES]
    return (f"<style>text{{font-family:{FONT};font-size:13px}}.small{{font-size:11.5px}}"
            ".title{font-size:17px;font-weight:600}.bold{font-weight:600}.roof{stroke-width:2}"
            f"{''.join(light)}@media(prefers-color-scheme:dark){{{''.join(dark)}}}</style>")


class Picture:
    """Elements in a list; coordinates with at most one decimal."""

    def __init__(self, width, height, title):
        self.parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
                      f'viewBox="0 0 {width} {height}" role="img"><title>{escape(title)}</title>', style(),
                      f'<rect class="bg" width="{width}" height="{height}" rx="8"/>']

    @staticmethod
    def _n(value):
        return f"{value:.1f}".removesuffix(".0")

    def text(self, x, y, words, kind="ink", anchor="start", more=""):
        self.parts.append(f'<text class="{kind}" x="{self._n(x)}" y="{self._n(y)}" text-anchor="{anchor}"{more}>'
                          f"{escape(words)}</text>")

    def line(self, points, kind, more=""):
        joined = " ".join(f"{self._n(x)},{self._n(y)}" for x, y in points)
        self.parts.append(f'<polyline class="{kind}" points="{joined}"{more}/>')

    def area(self, points, kind):
        joined = " ".join(f"{self._n(x)},{self._n(y)}" for x, y in points)
        self.parts.append(f'<polygon class="{kind}" points="{joined}"/>')

    def bar(self, x, y, width, height, kind):
        self.parts.append(f'<rect class="{kind}" x="{self._n(x)}" y="{self._n(y)}" width="{self._n(max(width, 0.5))}" '
                          f'height="{self._n(height)}" rx="2"/>')

    def dot(self, x, y, kind, filled):
        size = 'r="5.5"' if filled else 'r="4.7" stroke-width="2"'
        self.parts.append(f'<circle class="{kind if filled else "l-" + kind}" cx="{self._n(x)}" cy="{self._n(y)}" '
                          f"{size}/>")

    def done(self):
        return "\n".join([*self.parts, "</svg>"]) + "\n"


# ---- roofline ----

class Axes:
    """Logarithms of both; a frame inside the picture."""

    def __init__(self, left, top, right, bottom, x, y):
        self.left, self.top, self.right, self.bottom = left, top, right, bottom
        self.x_range, self.y_range = [tuple(map(math.log, limits)) for limits in (x, y)]

    def x(self, value):
        low, high = self.x_range
        return self.left + (math.log(value) - low) / (high - low) * (self.right - self.left)

    def y(self, value):
        low, high = self.y_range
        return self.bottom - (math.log(value) - low) / (high - low) * (self.bottom - self.top)


def intensity(record):
    """Operations a byte, as gb_s and gflop_s count both."""
    return record["gflop_s"] / record["gb_s"]


def draw_axes(picture, axes, x_ticks, y_ticks):
    for tick in x_ticks:
        picture.line([(axes.x(tick), axes.top), (axes.x(tick), axes.bottom)], "grid")
        picture.text(axes.x(tick), axes.bottom + 18, f"{tick:g}", "soft small", "middle")
    for tick in y_ticks:
        picture.line([(axes.left, axes.y(tick)), (axes.right, axes.y(tick))], "grid")
        picture.text(axes.left - 8, axes.y(tick) + 4, f"{tick:g}", "soft small", "end")
    picture.line([(axes.left, axes.top), (axes.left, axes.bottom), (axes.right, axes.bottom)], "axis")
    picture.text((axes.left + axes.right) / 2, axes.bottom + 38, "operations a byte of weight, scales, x and y", "soft",
                 "middle")
    picture.text(axes.left - 44, axes.top - 12, "GFLOP/s", "soft")


def draw_roof(picture, axes, limit, low_x, high_x):
    read, peak = limit["read_gb_s"], limit["peak_gflops"]
    knee = peak / read
    bottom = math.exp(axes.y_range[0])
    start = max(low_x, bottom / read)
    roof = [(axes.x(start), axes.y(read * start)), (axes.x(knee), axes.y(peak)), (axes.x(high_x), axes.y(peak))]
    picture.area([*roof, (axes.x(high_x), axes.bottom), (axes.x(start), axes.bottom)], "under")
    picture.line(roof, "roof")
    picture.text(axes.right + 8, axes.y(peak) - 2, "fp32 peak", "ink bold")
    picture.text(axes.right + 8, axes.y(peak) + 14, f"{peak:.0f} GFLOP/s", "ink bold")
    slope = math.degrees(math.atan2(axes.y(read) - axes.y(2 * read), axes.x(2) - axes.x(1)))
    at = math.sqrt(start * knee)
    x, y = axes.x(at) - 6, axes.y(read * at) - 9
    picture.text(x, y, f"read {read:.1f} GB/s", "ink bold", "middle",
                 f' transform="rotate({-slope:.1f} {x:.1f} {y:.1f})"')


def draw_series(picture, axes, records, mode, filled, labels):
    records = sorted(records, key=lambda record: record["m"])
    points = [(axes.x(intensity(record)), axes.y(record["gflop_s"])) for record in records]
    picture.line(points, "l-" + mode, ' stroke-width="1.5"' + ("" if filled else ' stroke-dasharray="4 3"'))
    for (x, y), record in zip(points, records):
        picture.dot(x, y, mode, filled)
        if labels:
            picture.text(x, y + 20, str(record["m"]), "soft small", "middle")


def legend(picture, x, y, modes, kinds):
    for mode in modes:
        picture.dot(x, y - 4, mode, True)
        picture.text(x + 11, y, mode, "ink")
        x += 28 + 8 * len(mode)
    x += 8
    for kind, name in (("s8", "int8"), ("s4", "int4")):
        if kind in kinds:
            picture.dot(x, y - 4, "soft", kind == "s8")
            picture.text(x + 11, y, name, "ink")
            x += 60
    picture.text(x, y, "small numbers: rows of x", "soft")


def roofline(records, limit, title):
    modes = [mode for mode in MODES if any(record["mode"] == mode for record in records)]
    highest = max([limit["peak_gflops"]] + [record["gflop_s"] for record in records]) * 1.35
    lowest = min(record["gflop_s"] for record in records) / 1.6
    low_x, high_x = min(map(intensity, records)) / 1.5, max(map(intensity, records)) * 1.5
    picture = Picture(860, 500, title)
    picture.text(24, 34, title, "ink title")
    legend(picture, 30, 62, modes, {record["weight"] for record in records})
    axes = Axes(70, 104, 742, 444, (low_x, high_x), (lowest, highest))
    ticks = [4 ** i for i in range(-1, 8)]
    draw_axes(picture, axes, [tick for tick in ticks if low_x <= tick <= high_x],
              [tick for i in range(0, 13) for tick in [2 ** i] if lowest <= tick <= highest])
    draw_roof(picture, axes, limit, low_x, high_x)
    first = True
    for mode in modes:
        for kind in ("s8", "s4"):
            series = [record for record in records if record["mode"] == mode and record["weight"] == kind]
            if series:
                draw_series(picture, axes, series, mode, kind == "s8", first or kind == "s4" and mode == modes[0])
                first = False
    return picture.done()


def rooflines(run):
    """{name: SVG}: one for each number of threads, of the matrix with most records; per channel, plain, fp16."""
    fitting = [record for record in run["records"] if record["who"] == "antiquant" and record["cold"]
               and (record["granularity"], record["storage"], record["x"]) == ("channel", "plain", "f16")
               and not record.get("offset")]
    shapes = [(record["k"], record["n"]) for record in fitting]
    if not shapes:
        return {}
    k, n = max(sorted(set(shapes)), key=shapes.count)
    found = {}
    for limit in run["limits"]:
        records = [record for record in fitting
                   if (record["k"], record["n"], record["threads"]) == (k, n, limit["threads"])]
        if records:
            count = limit["threads"]
            found[f"roofline-{count}"] = roofline(records, limit, f"x (rows, {k}) times a weight ({k}, {n}), cold, "
                                                                  f"{count} thread{'s' * (count > 1)}")
    return found


# ---- bars ----

ROW, PANEL, GAP = 24, 190, 26


def name_of(record):
    return record["who"] + (f" {record['mode']}" if record["mode"] else "")


def best_of(records):
    """{(who and mode): {m: the fastest of its records}}."""
    found = {}
    for record in records:
        by_rows = found.setdefault((name_of(record), record["keeps_x"]), {})
        if record["m"] not in by_rows or record["us"]["median"] < by_rows[record["m"]]["us"]["median"]:
            by_rows[record["m"]] = record
    return found


def rate(record):
    return record["gb_s"] if record["m"] <= 2 else record["gflop_s"]


def draw_group(picture, top, left, people, columns, widest):
    """One line each: a name, a bar a column, the error."""
    for (name, keeps), by_rows in people:
        record = next(iter(by_rows.values()))
        ours = record["who"] == "antiquant"
        kind = record["mode"] if ours else "eight" if keeps == "8 bit" else "peer"
        picture.text(24, top + 16, name, "ink bold" if ours else "ink")
        for i, m in enumerate(columns):
            x = left + i * (PANEL + GAP)
            record = by_rows.get(m)
            if record:
                width = rate(record) / widest[m] * (PANEL - 44)
                picture.bar(x, top + 3, width, ROW - 8, kind)
                picture.text(x + width + 6, top + 16, f"{rate(record):.1f}" if m <= 2 else f"{rate(record):.0f}",
                             "ink small bold" if ours else "ink small")
        errors = [record["error"] for record in by_rows.values() if record["error"] is not None]
        picture.text(left + len(columns) * (PANEL + GAP) + 56, top + 16, f"{max(errors):.0e}" if errors else "–",
                     "soft small", "end")
        top += ROW
    return top


def bars(records, title):
    present = sorted({record["m"] for record in records})
    columns = present if len(present) <= 3 else [present[0], present[len(present) // 2], present[-1]]
    people = best_of([record for record in records if record["m"] in columns])
    widest = {m: max(rate(by_rows[m]) for by_rows in people.values() if m in by_rows) for m in columns}

    def speed(item):
        return -sum(rate(record) / widest[m] for m, record in item[1].items()) / len(columns)
    groups = [("activations kept in 16 or 32 bit", [item for item in people.items() if item[0][1] != "8 bit"]),
              ("activations quantised to 8 bit: another contract",
               [item for item in people.items() if item[0][1] == "8 bit"])]
    groups = [(words, sorted(part, key=lambda item: (speed(item), item[0]))) for words, part in groups if part]
    left = 48 + 8 * max(len(name) for name, _ in people)
    width = left + len(columns) * (PANEL + GAP) + 80
    picture = Picture(width, 84 + sum(30 + ROW * len(part) for _, part in groups) + 10, title)
    picture.text(24, 34, title, "ink title")
    for i, m in enumerate(columns):
        unit = "GB/s" if m <= 2 else "GFLOP/s"
        picture.text(left + i * (PANEL + GAP), 66, f"{m} row{'s' * (m > 1)}, {unit}", "ink bold")
    picture.text(width - 24, 66, "error", "ink bold", "end")
    top = 78
    for words, part in groups:
        picture.line([(24, top + 4), (width - 24, top + 4)], "grid")
        picture.text(24, top + 22, words, "soft small")
        top = draw_group(picture, top + 28, left, part, columns, widest) + 2
    return picture.done()


def peer_bars(run):
    """{name: SVG}: one for each kind of weight, of its first matrix, on one thread or the fewest."""
    cases = {}
    for record in run["records"]:
        cases.setdefault((record["weight"], record["granularity"]), []).append(record)
    found = {}
    for (kind, granularity), records in cases.items():
        if all(record["who"] == "antiquant" for record in records):
            continue
        first = (records[0]["k"], records[0]["n"], min(record["threads"] for record in records))
        chosen = [record for record in records if (record["k"], record["n"], record["threads"]) == first]
        k, n, threads = first
        name = f"peers-{kind}-{granularity.replace(' ', '')}"
        found[name] = bars(chosen, f"{'int8' if kind == 's8' else 'int4'} weight ({k}, {n}), per {granularity}, "
                                   f"{threads} thread{'s' * (threads > 1)}")
    return found
