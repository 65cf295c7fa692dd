"""compare.py FIGURES.json ECP5 XCUP: the figures of `ternc adder-graph --json` against two `stat`s of Yosys."""
import json
import re
import sys


def cells(path):
    return {name: int(n) for name, n in re.findall(r"^ +([A-Z]\w+) +(\d+)$", open(path).read(), re.M)}


figures = json.load(open(sys.argv[1]))["families"]
ecp5, xcup = cells(sys.argv[2]), cells(sys.argv[3])
luts = lambda c: sum(n for name, n in c.items() if re.match(r"LUT\d|INV$", name))
found = {
    "ecp5": (ecp5.get("TRELLIS_FF", 0), luts(ecp5) + 2 * ecp5.get("CCU2C", 0)),
    "xcup": (xcup.get("FDRE", 0), luts(xcup) + sum(n for name, n in xcup.items() if name.startswith("SRL"))),
}
for family, (ff, lut) in found.items():
    f = figures[family]
    near = 0.94 * f["luts_low"] <= lut <= 1.06 * f["luts_high"]
    print(family, "FF equal," if ff == f["ff"] else "FF %d, not %d," % (ff, f["ff"]),
          "LUT near" if near else "LUT %d, not %d .. %d" % (lut, f["luts_low"], f["luts_high"]))
