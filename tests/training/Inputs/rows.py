#!/usr/bin/env python3
"""The log has each step once, in order. Usage: rows.py LOG STEPS"""
import json
import sys

rows = [json.loads(line) for line in open(sys.argv[1])]
steps = [row["step"] for row in rows if "loss" in row]
assert steps == list(range(1, int(sys.argv[2]) + 1)), steps
assert all(row["tokens"] == 128 * row["step"] for row in rows if "loss" in row)
