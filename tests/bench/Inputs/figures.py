#!/usr/bin/env python3
"""usage: figures.py FILE.json FILE.svg   Recomputes what bench/run --json says from the rounds that it lists, and looks
whether the chart is XML with a bar for each engine and a limit."""
import json
import statistics
import sys
import xml.etree.ElementTree

report = json.load(open(sys.argv[1]))
assert report["options"]["prompt"] == 32 and report["machine"]["processors"] >= 1, report
(result,) = report["results"]
assert (result["threads"], result["rounds"]) == (1, 2), result
assert result["body_weights"] == 2 * (4 * 256 * 256 + 3 * 256 * 768) and result["head_weights"] == 512 * 256, result


def near(a, b):
    assert abs(a - b) <= 1e-9 * abs(b), (a, b)


def rounds(where, key):
    s = where[key]
    near(s["median"], statistics.median(s["rounds"]))
    assert s["min"] == min(s["rounds"]) and s["max"] == max(s["rounds"]) and len(s["rounds"]) == 2, s
    return s["rounds"]


tern, table, phases = result["engines"]
assert [e["name"] for e in result["engines"]] == ["Tern", "table", "phases"]
assert rounds(table, "decode_tokens_per_s") == [10, 10] and rounds(table, "prefill_tokens_per_s") == [20, 20]
assert rounds(phases, "decode_tokens_per_s") == [4, 4] and rounds(phases, "prefill_tokens_per_s") == [5, 5]
limits = result["limits"]
for i in range(2):
    decode, prefill = rounds(tern, "decode_tokens_per_s")[i], rounds(tern, "prefill_tokens_per_s")[i]
    near(rounds(table, "decode_tern_ratio")[i], decode / 10)
    near(rounds(phases, "prefill_tern_ratio")[i], prefill / 5)
    near(rounds(tern, "decode_of_memory")[i],
         decode * tern["weight_bytes_per_token"] / 1e9 / rounds(limits, "read_gb_per_s")[i])
    near(rounds(tern, "prefill_of_int8")[i],
         prefill * (result["body_weights"] + result["head_weights"] / 32) / 1e9 / rounds(limits, "int8_gmac_per_s")[i])
near(result["decode_limit_tokens_per_s"], limits["read_gb_per_s"]["median"] * 1e9 / tern["weight_bytes_per_token"])

svg = xml.etree.ElementTree.parse(sys.argv[2]).getroot()
bars = [e.get("class") for e in svg.iter("{http://www.w3.org/2000/svg}rect")]
lines = [e.get("class") for e in svg.iter("{http://www.w3.org/2000/svg}line")]
assert bars == ["tern", "peer", "peer"] and lines.count("limit") == 1, (bars, lines)
print("figures agree")
