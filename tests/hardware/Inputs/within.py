"""The model's LUTs and flip-flops of a design against Yosys': within.py REPORT.json PERCENT"""
import json
import sys

with open(sys.argv[1]) as file:
    total = json.load(file)["total"]
limit, bad = float(sys.argv[2]), 0
for what in ("lut", "ff"):
    model, counted = total["model"][what], total["synthesised"][what]
    off = 100 * (model / counted - 1)
    print(f"{what}: model {model:.0f}, Yosys {counted:.0f}, {off:+.1f} %")
    bad += abs(off) > limit
sys.exit(bad > 0)
