#!/usr/bin/env python3
"""Holds the JSON of `ternc simulate` against the schedule: clocks but those of waiting are as many as were predicted."""
import json
import sys

r = json.load(open(sys.argv[1]))
clocks = r["clocks"] - r["clocks_awaiting_words"] - r["clocks_awaiting_output"]
expected = r["steps"] * r["clocks_a_step_from_schedule"]
print(f"equal {r['equal']} exact {clocks == expected}")
if clocks != expected:
    print(f"{clocks} clocks, {expected} expected")
