"""scaling.py TERNC KIND N: instructions of a build of a spec with 2 N of a kind, over those of one with N."""
import os, re, subprocess, sys, tempfile

HEAD = "model m(token: u32) -> f32[8] {\n  weight e: f32[16, 8]\n  x = e[token]\n"
BLOCK = "block b(x: f32[8]) -> f32[8] {\n  weight w: ternary[8, 8]\n  return w @ quantize(x)\n}\n"


def lines(n, *texts):
    return "".join(text % {"i": i, "c": i % 7} for i in range(n) for text in texts)


SPECS = {
    "lines": lambda n: HEAD + lines(n // 2, "  x = sigmoid(x) - x\n", "  x = x * %(c)d.5 + silu(x)\n") + "  return x\n}\n",
    "weights": lambda n: HEAD + lines(n, "  weight w%(i)d: f32[8]\n", "  x = x + w%(i)d\n") + "  return x\n}\n",
    "uses": lambda n: BLOCK + HEAD + lines(n, "  use u%(i)d: b\n", "  x = u%(i)d(x)\n") + "  return x\n}\n",
    "sums": lambda n: BLOCK + HEAD + lines(n, "  use u%(i)d: b\n") + "  return x" + lines(n, " + u%(i)d(x)") + "\n}\n",
    "states": lambda n: HEAD + lines(n, "  state s%(i)d: f32[8] = 0\n", "  s%(i)d = s%(i)d * 0.5 + x\n")
    + "  return x" + lines(n, " + s%(i)d") + "\n}\n",
    "recurrences": lambda n: HEAD + lines(n, "  state s%(i)d: f32[8] = 0\n", "  weight w%(i)d: ternary[8, 8]\n",
                                          "  s%(i)d = s%(i)d * 0.5 + w%(i)d @ quantize(x)\n", "  x = x + silu(s%(i)d)\n")
    + "  return x\n}\n",
    "matrices": lambda n: HEAD + lines(n, "  state s%(i)d: f32[8, 8] = 0\n", "  s%(i)d = s%(i)d * 0.5 + outer(x, x)\n",
                                       "  x = x + sum(s%(i)d)\n") + "  return x\n}\n",
    "ternary": lambda n: HEAD + "  q = quantize(x)\n" + lines(n, "  weight w%(i)d: ternary[8, 8]\n", "  x = x + w%(i)d @ q\n")
    + "  return x\n}\n",
    "params": lambda n: "param p = 1\n" + lines(n, "param q%(i)d = p + 0.%(i)d\n") + HEAD + lines(n, "  x = x * q%(i)d\n")
    + "  return x\n}\n",
}


def instructions(ternc, text, folder):
    spec = os.path.join(folder, "m.tern")
    with open(spec, "w") as f:
        f.write(text)
    run = subprocess.run(["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", ternc, "build",
                          spec, "--emit", "c", "-o", os.path.join(folder, "out")], capture_output=True, text=True)
    if run.returncode:
        sys.exit(run.stderr)
    return int(re.search(r"I +refs: +([\d,]+)", run.stderr).group(1).replace(",", ""))


with tempfile.TemporaryDirectory() as folder:
    ternc, kind, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
    once, twice = (instructions(ternc, SPECS[kind](k), folder) for k in (n, 2 * n))
    print("%s: %.2f times the instructions for %d as for %d" % (kind, twice / once, 2 * n, n))
    sys.exit(twice / once > 2.4)
