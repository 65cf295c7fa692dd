"""The chart of bench/run: tokens a second in decode, a group of bars for each shape and number of threads."""
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, BAR, GAP, HEAD = 720, 150, 110, 20, 6, 34
STYLE = """
    text { font: 13px system-ui, sans-serif; fill: #1f2328 }
    .small { font-size: 11px; fill: #59636e } .group { font-weight: 600 }
    .tern { fill: #1a7f6b } .peer { fill: #a9b4c0 } .limit { stroke: #bc4c00; stroke-width: 2; stroke-dasharray: 4 3 }
    .spread { stroke: #1f2328; stroke-width: 1 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 } .small { fill: #9198a1 }
      .tern { fill: #3fb8a0 } .peer { fill: #5c6773 } .limit { stroke: #f0883e } .spread { stroke: #e6edf3 }
    }
  """


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def group(result, top, parts):
    """Bars of one result, scaled to the longest of them and the limit; returns where the next group begins."""
    engines, limit = result["engines"], result["decode_limit_tokens_per_s"]
    longest = max([limit] + [e["decode_tokens_per_s"]["max"] for e in engines])

    def at(value):
        return LEFT + (WIDTH - LEFT - RIGHT) * value / longest

    threads = result["threads"]
    parts.append(f'<text class="group" x="8" y="{top + 18}">{escape(result["shape"])}, {threads} thread{"s"[:threads > 1]}</text>')
    parts.append(f'<text class="small" x="{WIDTH - RIGHT + 12}" y="{top + 18}">memory {number(limit)}</text>')
    y = top + HEAD - GAP
    for engine in engines:
        rate, kind = engine["decode_tokens_per_s"], "tern" if engine["name"] == "Tern" else "peer"
        middle = y + BAR / 2
        parts.append(f'<text x="{LEFT - 8}" y="{middle + 4.5}" text-anchor="end">{escape(engine["name"])}</text>')
        parts.append(f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{at(rate["median"]) - LEFT:.1f}" height="{BAR}" rx="2"/>')
        parts.append(f'<line class="spread" x1="{at(rate["min"]):.1f}" x2="{at(rate["max"]):.1f}" y1="{middle}" y2="{middle}"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 12}" y="{middle + 4.5}">{number(rate["median"])} tok/s</text>')
        y += BAR + GAP
    parts.append(f'<line class="limit" x1="{at(limit):.1f}" x2="{at(limit):.1f}" y1="{top + HEAD - GAP - 4}" y2="{y - 2}"/>')
    return y + 14


def draw(report):
    machine, parts = report["machine"], []
    parts.append('<text x="8" y="20" class="group">Tokens a second, one at a time</text>')
    parts.append(f'<text x="8" y="38" class="small">{escape(machine["cpu"])}, {machine["date"]}. Medians and spreads of '
                 f'{report["options"]["rounds"]} or more rounds. Dashed: memory\'s limit for Tern.</text>')
    y = 52
    for result in report["results"]:
        y = group(result, y, parts)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" role="img">\n'
            f'  <title>Tokens a second by engine and shape</title>\n  <style>{STYLE}</style>\n  '
            + "\n  ".join(parts) + "\n</svg>\n")
