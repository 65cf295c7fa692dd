"""Other engines: how their commands are filled in, and how their rates are read from what they print.

A record is (phase, tokens, threads, rate): phase "decode" or "prefill"; tokens and threads None where not printed."""
import json
import re

PLACES = ("shape", "threads", "tokens", "prompt", "phase")
PHASES = ("decode", "prefill")


class Trouble(Exception):
    """What ends a measurement; its text is for the user."""


def split(text):
    """NAME=COMMAND of the command line."""
    name, equals, command = text.partition("=")
    if not equals or not name.strip() or not command.strip():
        raise Trouble(f"--peer '{text}': 'NAME=COMMAND' is expected")
    unknown = [p for p in re.findall(r"\{(\w+)\}", command) if p not in PLACES]
    if unknown:
        raise Trouble(f"--peer {name}: no placeholder {{{unknown[0]}}}; there are {{{'} {'.join(PLACES)}}}")
    return name.strip(), command.strip()


def runs(command, shape, threads, tokens, prompt):
    """The commands of one round with the phases that each is for: one a phase when the command names {phase}; the other
    phase's number of tokens is then 0, as llama-bench wants it."""
    for phases in [(p,) for p in PHASES] if "{phase}" in command else [PHASES]:
        values = {"shape": shape, "threads": threads, "phase": phases[0],
                  "tokens": tokens if "decode" in phases else 0, "prompt": prompt if "prefill" in phases else 0}
        yield phases, re.sub(r"\{(\w+)\}", lambda m: str(values[m[1]]), command)


def from_json(text):
    """llama-bench -o json or jsonl, or what a program of ours prints with --bench --json."""
    found = []
    try:
        found = json.loads(text)
    except ValueError:
        for line in text.splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                pass  # a message between the lines
    for row in found if isinstance(found, list) else [found]:
        if not isinstance(row, dict):
            continue
        for phase in PHASES:
            if f"{phase}_tokens_per_s" in row:
                yield phase, None, row.get("threads"), row[f"{phase}_tokens_per_s"]
        if "avg_ts" in row and not (row.get("n_prompt") and row.get("n_gen")) and not row.get("n_depth"):
            phase, tokens = ("decode", row["n_gen"]) if row.get("n_gen") else ("prefill", row.get("n_prompt"))
            yield phase, tokens, row.get("n_threads"), row["avg_ts"]


def from_table(text):
    """llama-bench's table, which bitnet.cpp's scripts print too: rows tg128 (decode) and pp512 (prefill)."""
    head = None
    for line in text.splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if not line.strip().startswith("|"):
            head = None
        elif "test" in cells and "t/s" in cells:
            head = cells
        elif head and len(cells) == len(head):
            row = dict(zip(head, cells))
            test, rate = re.fullmatch(r"(tg|pp)\s*(\d+)", row["test"]), re.match(r"[\d.]+", row["t/s"])
            if test and rate:
                threads = int(row["threads"]) if row.get("threads", "").isdigit() else None
                yield "decode" if test[1] == "tg" else "prefill", int(test[2]), threads, rate[0]


def from_timings(text):
    """The closing lines of llama.cpp's and bitnet.cpp's command line."""
    line = r"(prompt )?eval time *= *[\d.]+ ms */ *(\d+) *(?:tokens|runs).*?([\d.]+) tokens per second"
    for match in re.finditer(line, text):
        yield "prefill" if match[1] else "decode", None, None, match[3]


def rates(text, phases, threads, tokens, prompt):
    """The rate of each phase. Of several rows those of these threads count, then those of these tokens."""
    records = []
    for reader in (from_json, from_table, from_timings):
        records = records or list(reader(text))
    result = {}
    for phase in phases:
        rows = [r for r in records if r[0] == phase and r[2] in (None, threads)]
        wanted = tokens if phase == "decode" else prompt
        rows = [r for r in rows if r[1] == wanted] or rows
        name = f"a rate of {phase}" if not records else f"a rate of {phase} with {threads} thread{'s'[:threads > 1]}"
        if not rows:
            raise Trouble(f"{name} is not in what it printed")
        if len(rows) > 1:
            raise Trouble(f"{name} is in {len(rows)} rows of what it printed, none of them for {wanted} tokens alone")
        try:
            result[phase] = float(rows[0][3])
        except (TypeError, ValueError):
            result[phase] = 0.0
        if not 0 < result[phase] < float("inf"):
            raise Trouble(f"{name} is {rows[0][3]}")
    return result
