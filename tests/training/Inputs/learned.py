#!/usr/bin/env python3
"""The held-out loss fell. Usage: learned.py RUN"""
import json
import sys

held = [row["held_out_loss"] for row in map(json.loads, open(sys.argv[1] + "/log.jsonl")) if "held_out_loss" in row]
assert held[-1] < held[0] - 0.1, held
