"""Clocks of the units in a report add up to those of the step, but for what the sequencer takes of its own."""
import json
import sys

report = json.load(open(sys.argv[1]))
step = report["clocks"]["step"]
units = sum(unit["cycles"] for unit in report["units"])
assert 0 <= step - units <= 16 * report["clocks"]["sequences"], (step, units)
assert report["clocks"]["busy"] == sum(unit["busy_cycles"] for unit in report["units"])
