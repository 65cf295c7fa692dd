#!/usr/bin/python3
"""Random specs and checkpoints at the level of the language, held against every engine.

    language.py TERNC [--first SEED] [--models N] [--simulate K] [--quick] [--keep FOLDER]

A model of a seed has odd sizes, names that other languages have for themselves, weights that are zero, tiny, huge, denormal,
infinite or no number, ternary matrices and those of wider codes with every kind of scale, states, convolutions, token shift, blocks, also as constants
of others and at their path, repeats from any index, nested and unrolled, paths with sums of indices, einsum and an import. Checked are, bit for bit: native code and C against the interpreter, kernel by kernel, in all forms, in float and in
--fixed; a program's logits with other chunks, threads and packings; and for every K-th model (0: none) both machines
of the hardware in a simulator. A model that is refused with a message counts as refused. Prints what differs and a summary; status 1
when anything differed, or when ternc ended by a signal. Needs nothing but Python.
"""
import argparse
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

SIZES = [1, 1, 2, 3, 4, 5, 7, 8, 13, 16, 17, 31, 33, 64, 65]
NAMES = ["always", "state_w", "end", "module", "int", "double", "class", "sum_", "window", "token_", "clk", "lane", "args", "exp_",
         "printf", "x", "y_1", "main", "out_x", "u_x", "Q", "tern_x", "linux", "layer", "wire", "begin", "step", "float32"]
MOST = 600  # elements of a value


def product(shape):
    n = 1
    for d in shape:
        n *= d
    return n


def f32(shape):
    return "f32[%s]" % ", ".join(map(str, shape)) if shape else "f32"


class Model:
    """The text of a spec, and the shapes of its tensors, from a seed."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.tensors = {}  # name in the checkpoint: (shape, whether ternary)
        self.body, self.values, self.used = [], [], set()
        self.indent, self.repeat = "  ", None
        self.wide = seed % 3 == 1
        self.vocab = self.rng.choice([1, 2, 3, 5, 17, 33])

    def name(self, kind):
        base = self.rng.choice(NAMES)
        name = "%s%s%d" % (base, kind, len(self.used)) if base in self.used or self.rng.random() < 0.5 else base
        name = name if name not in self.used else "%s%d" % (kind, len(self.used))
        self.used.add(name)
        return name

    def line(self, text):
        self.body.append(self.indent + text)

    def put(self, text, shape):
        name = self.name("v")
        self.line("%s = %s" % (name, text))
        self.values.append((name, shape))
        return name, shape

    def weight(self, shape, ternary=False, clause=""):
        name = self.name("w")
        self.line("weight %s : %s%s" % (self.path(name), (self.codes() + f32(shape)[3:]) if ternary else f32(shape), clause))
        for tensor in self.places(name):
            self.tensors[tensor] = (shape, ternary)
        return name

    def codes(self):
        """The element of a weight of codes; hardware takes ternary ones alone."""
        return self.rng.choice(["ternary", "i8", "i4", "i3", "i2"]) if self.wide else "ternary"

    def path(self, name):
        return "layers[%s].%s" % (self.repeat[0], name) if self.repeat else name

    def places(self, name):
        """What the path stands for in a checkpoint."""
        return ["layers.%d.%s" % (i, name) for i in self.repeat[1]] if self.repeat else [name]

    def like(self, shape):
        """A value or a weight of that shape."""
        found = [n for n, s in self.values if s == shape]
        return self.rng.choice(found) if found and self.rng.random() < 0.8 else self.weight(shape)

    def row(self):
        """A value of one axis."""
        found = [v for v in self.values if len(v[1]) == 1]
        return self.rng.choice(found)

    # ---- operations: each appends statements

    def ternary(self):
        n, (size,) = self.row()
        m = self.rng.choice(SIZES)
        group = self.rng.choice([g for g in (1, 2, 3, 5, 16, 64) if g <= size])
        clause = self.rng.choice(["", " per tensor", " per row", " per group %d" % group])
        codes = self.rng.choice(["quantize(%s)", "quantize(%s, 4)", "quantize(rmsnorm(%s, 1e-6))", "fixed(%s, 8, 4)",
                                 "fixed(%s, 6, 0)", "quantize(rmsnorm(%s, 0))"]) % n
        self.put("%s @ %s" % (self.weight([m, size], True, clause), codes), [m])

    def dense(self):
        n, (size,) = self.row()
        m = self.rng.choice(SIZES)
        self.put("%s @ %s" % (self.weight([m, size]), n), [m])

    def block(self):
        n, (size,) = self.row()
        m = self.rng.choice(SIZES)
        path = self.name("b")
        block, ternary = self.rng.choice([("lin[%d -> %d]", True), ("lin[%d -> %d]", True), ("plain[%d -> %d]", False),
                                          ("wrapped[%d -> %d, proj = plain]", False), ("wrapped[%d -> %d]", True),
                                          ("not true ? wrapped : plain[%d -> %d]", False)])
        self.line("use %s: %s" % (self.path(path), block % (size, m)))
        for place in self.places(path):
            self.tensors[place + ".weight"] = ([m, size], ternary)
            self.tensors[place + ".norm.weight"] = ([size], False)
        self.put("%s(%s)" % (path, n), [m])

    def unary(self):
        n, s = self.rng.choice(self.values)
        f = self.rng.choice(["sigmoid", "silu", "tanh", "relu", "abs", "square", "softplus", "exp", "sqrt", "floor", "log", "-"])
        self.put("%s(%s)" % (f, n) if f != "-" else "-" + n, s)

    def binary(self):
        n, s = self.rng.choice(self.values)
        self.put("%s %s %s" % (n, self.rng.choice("++**-/"), self.like(s)), s)

    def extreme(self):
        n, s = self.rng.choice(self.values)
        self.put("%s(%s, %s)" % (self.rng.choice(["min", "max"]), n, self.like(s)), s)

    def choice(self):
        n, s = self.rng.choice(self.values)
        self.put("%s %s %s ? %s : 0.5" % (n, self.rng.choice(["<", ">=", "=="]), self.like(s), n), s)

    def scale(self):
        n, s = self.rng.choice(self.values)
        self.put("%s * %s + %s" % (n, self.rng.choice(["0", "1e30", "1e-30", "2", "0.1", "65504"]),
                                   self.rng.choice(["0", "1", "1e-45", "-3.5"])), s)

    def norm(self):
        n, s = self.rng.choice(self.values)
        self.put("rmsnorm(%s, %s)" % (n, self.rng.choice(["0", "1e-6", "0.5"])), s)

    def soft(self):
        n, s = self.rng.choice(self.values)
        self.put("softmax(%s)" % n, s)

    def outer(self):
        n, (a,) = self.row()
        m, (b,) = self.row()
        if a * b <= MOST:
            self.put("sum(outer(%s, %s) * 0.5)" % (n, m), [a])

    def cut(self):
        n, (size,) = self.row()
        a = self.rng.randrange(size)
        b = self.rng.randint(a + 1, size)
        self.put("%s[%d:%d]" % (n, a, b), [b - a])

    def parts(self):
        n, (size,) = self.row()
        if size > 1:
            k = self.rng.randrange(1, size)
            a, b = self.name("v"), self.name("v")
            self.line("%s, %s = split(%s, [%d, %d])" % (a, b, n, k, size - k))
            self.values += [(a, [k]), (b, [size - k])]

    def keep(self):
        n, s = self.row()
        self.put("%s * %s(%s, keep = true)" % (n, self.rng.choice(["sum", "mean", "amax", "absmax"]), n), s)

    def named(self):
        n, (a,) = self.row()
        m, (b,) = self.row()
        if a * b <= MOST:
            self.put(self.rng.choice(['einsum("i,j->i", %s, %s)', 'einsum("i,j->ji", %s, %s)[0]', "sum(%s[:, _] * %s[_, :])"]) %
                     (n, m), [a])

    def join(self):
        n, (a,) = self.row()
        m, (b,) = self.row()
        if a + b <= 130:
            self.put("concat(%s, %s)" % (n, m), [a + b])

    def state(self):
        if self.repeat:
            return
        n, s = self.rng.choice(self.values)
        h = self.name("h")
        self.line("state %s : %s = %s" % (h, f32(s), self.rng.choice(["0", "1", "-0.5"])))
        gate, _ = self.put("sigmoid(%s)" % n, s)
        self.line("%s = %s" % (h, self.rng.choice(["%(g)s * %(h)s + (1 - %(g)s) * %(n)s", "%(h)s * 0.5 + %(n)s",
                                                   "max(%(h)s, %(n)s)"]) % {"g": gate, "h": h, "n": n}))
        self.values.append((h, s))

    def shift(self):
        if self.repeat:
            return
        n, s = self.row()
        last = self.name("h")
        self.line("state %s : %s = 0" % (last, f32(s)))
        self.put("%s * 0.5 + %s * 0.5" % (n, last), s)
        self.line("%s = %s" % (last, n))

    def convolution(self):
        if self.repeat:
            return
        n, (size,) = self.row()
        past, taps = self.name("h"), self.rng.choice([2, 3, 4])
        self.line("state %s : f32[%d, %d] = 0" % (past, size, taps - 1))
        window, _ = self.put("concat(%s, reshape(%s, [%d, 1]))" % (past, n, size), [size, taps])
        self.line("%s = %s[:, 1:]" % (past, window))
        self.put("sum(%s * %s)" % (window, self.weight([size, taps])), [size])

    OPERATIONS = (["ternary"] * 3 + ["block"] * 2 + ["state"] * 2 +
                  "dense unary unary unary binary binary extreme choice scale norm soft outer cut join shift convolution parts keep named"
                  .split())

    def operate(self):
        getattr(self, self.rng.choice(self.OPERATIONS))()

    def loop(self):
        """Heads of loops; the index of a path in them, and the numbers that it has."""
        count, first = self.rng.choice([1, 2, 3]), self.rng.choice([0, 1, 2])
        plain = range(first, first + count)
        return self.rng.choice([
            (["repeat l in %d" % count], "l", range(count)),
            (["repeat l in %d : %d" % (first, first + count)], "l", plain),
            (["repeat l in %d" % count], "2 * l + %d" % first, range(first, first + 2 * count, 2)),
            (["repeat l in %d" % count], "%d - l" % (count + first), range(first + 1, first + count + 1)),
            (["each l in %d : %d" % (first, first + count)], "l", plain),
            (["repeat g in 2", "repeat l in %d" % count], "%d * g + l" % count, range(2 * count)),
            (["repeat g in %d" % count, "each l in 2"], "g * 2 + l", range(2 * count)),
            (["repeat g in 2", "repeat h in 2", "repeat l in 1 : 3"], "4 * g + 2 * h + l - 1", range(8)),
        ])

    def layers(self):
        n, s = self.row()
        heads, index, numbers = self.loop()
        kept = list(self.values)
        for head in heads:
            self.line(head + " {")
            self.indent += "  "
        self.repeat = index, numbers
        for _ in range(self.rng.randint(1, 3)):
            self.operate()
        self.line("%s = %s + %s" % (n, n, self.like(s)))
        self.repeat, self.indent, self.values = None, "  ", kept
        self.line("}" * len(heads))

    def text(self):
        size = self.rng.choice(SIZES)
        self.line("weight emb.weight : f32[%d, %d]" % (self.vocab, size))
        self.tensors["emb.weight"] = ([self.vocab, size], False)
        self.used.update(["emb", "token", "lin", "plain", "wrapped", "layers", "g", "h", "l"])
        self.put("emb.weight[token]", [size])
        for _ in range(self.rng.randint(2, 9)):
            if self.rng.random() < 0.15:
                self.layers()
            else:
                self.operate()
        n, (size,) = self.row()
        self.line("return %s @ quantize(%s)" % (self.weight([self.vocab, size], True), n))
        return 'import "lin.tern"\nmodel %s(token: u32) -> f32[%d] {\n%s\n}\n' % (
            self.rng.choice(["m", "always", "int", "tern_sum", "top", "step"]), self.vocab, "\n".join(self.body))


IMPORTED = """block lin(x: f32[n]) -> f32[m] {
  weight weight : ternary[m, n]
  weight norm.weight : f32[n]
  return weight @ quantize(rmsnorm(x, 1e-6) * norm.weight)
}
block plain(x: f32[n]) -> f32[m] {
  weight weight : f32[m, n]
  weight norm.weight : f32[n]
  return weight @ (x * norm.weight)
}
block wrapped[proj = lin](x: f32[n]) -> f32[m] {
  use inner at .: proj[n -> m]
  return inner(x)
}
"""


def numbers(rng, shape, strange):
    """A tensor's numbers; strange models have some that no training leaves."""
    n, u = product(shape), lambda: rng.uniform(-1, 1)
    kind = rng.choice(["plain"] * 6 + ["zero", "ones", "tiny"] if not strange else
                      ["plain", "plain", "zero", "row", "denormal", "negative", "huge", "mixed", "half"] + ["infinite", "nan"])
    one = {"plain": u, "zero": lambda: 0.0, "ones": lambda: 1.0, "tiny": lambda: u() * 1e-6, "denormal": lambda: u() * 1e-40,
           "negative": lambda: -0.0, "huge": lambda: u() * 3e38, "half": lambda: u() * 6e4,
           "mixed": lambda: rng.choice([u(), 0.0, -0.0, 1e-40, 1e38, -1e38, 65504.0]),
           "infinite": lambda: rng.choice([u(), float("inf"), float("-inf")]),
           "nan": lambda: rng.choice([u(), u(), float("nan")])}
    if kind == "row":
        return [0.0 if i // shape[-1] % 2 else u() for i in range(n)]
    return [one[kind]() for _ in range(n)]


def write_checkpoint(path, tensors, rng, strange):
    header, data = {}, b""
    for name, (shape, _) in tensors.items():
        values = numbers(rng, shape, strange)
        raw = struct.pack("<%df" % len(values), *values)
        kind = rng.choice(["F32", "F32", "BF16"])
        if kind == "BF16":
            raw = b"".join(raw[i + 2:i + 4] for i in range(0, len(raw), 4))
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def write_model(seed, folder):
    model, strange = Model(seed), seed % 3 == 0
    with open(os.path.join(folder, "m.tern"), "w") as f:
        f.write(model.text())
    with open(os.path.join(folder, "lin.tern"), "w") as f:
        f.write(IMPORTED)
    write_checkpoint(os.path.join(folder, "model.safetensors"), model.tensors, model.rng, strange)
    with open(os.path.join(folder, "ids"), "w") as f:
        f.write(" ".join(str(model.rng.randrange(model.vocab)) for _ in range(model.rng.choice([1, 2, 5, 11]))))


class Trial:
    """One model: what was held, what was refused, what went wrong."""

    def __init__(self, ternc, seed, folder, tally):
        self.ternc, self.seed, self.folder, self.tally, self.wrong = ternc, seed, folder, tally, []
        write_model(seed, folder)

    def run(self, *command):
        try:
            p = subprocess.run(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
        except subprocess.TimeoutExpired:
            return 124, "took more than ten minutes"
        return p.returncode, p.stdout.decode("utf-8", "replace")

    def tern(self, command, *rest):
        return self.run(self.ternc, command, "m.tern", "--weights", ".", *rest)

    def hold(self, what, command, *rest):
        """Whether it succeeded. A refusal is an error at a place or of a tensor, without a difference."""
        status, said = self.tern(command, *rest)
        if status == 0:
            self.tally[what] = self.tally.get(what, 0) + 1
            return True
        if status == 1 and "error: " in said and "differs" not in said and "cannot be built" not in said:
            self.tally["refused: " + what] = self.tally.get("refused: " + what, 0) + 1
            return False
        self.fail(what, said)
        return False

    def fail(self, what, said):
        self.wrong.append(what)
        print("seed %d: %s: %s" % (self.seed, what, said.strip()[-600:]), flush=True)

    def forms(self):
        """A program's logits do not depend on chunks, threads and packing."""
        first = None
        for packing, runs in (("2bit", [[], ["--chunk", "1"], ["-j", "3"]]), ("1.6bit", [["--chunk", "2", "-j", "2"]])):
            status, said = self.tern("build", "--packing", packing, "-o", "program")
            if status:
                return self.fail("build", said)
            for options in runs:
                status, said = self.run("./program", "--tokens", "ids", "--logits", "logits", *options)
                if status:
                    if "takes at most" in said:
                        continue
                    return self.fail("program " + " ".join(options), said)
                with open(os.path.join(self.folder, "logits"), "rb") as f:
                    logits = f.read()
                if first not in (None, logits):
                    return self.fail("program " + packing + " " + " ".join(options), "other logits than with --packing 2bit")
                first = logits
        self.tally["forms"] = self.tally.get("forms", 0) + 1

    def simulate(self):
        for machine in (["streaming", "--hw-lanes", "16", "--hw-vector", "2"], ["unrolled"]):
            self.hold("simulated " + machine[0], "simulate", "--tokens", "ids", "--simulator", "icarus", "--hw=" + machine[0],
                      *machine[1:])

    def check(self, whole, simulate):
        compare = ["run", "--compare", "--tokens", "ids"]
        if not self.hold("native", *compare, "--batch", "3"):
            return
        if whole:
            self.hold("C", *compare, "--engine", "c")
            self.forms()
        if self.hold("fixed, native", *compare, "--fixed"):
            if whole:
                self.hold("fixed, C", *compare, "--fixed", "--engine", "c")
            if simulate:
                self.simulate()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ternc", type=os.path.abspath)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--models", type=int, default=20)
    parser.add_argument("--simulate", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="C and programs of every fourth model only")
    parser.add_argument("--keep", help="where models that differ are kept")
    given = parser.parse_args()
    tally, failed = {}, []
    for seed in range(given.first, given.first + given.models):
        with tempfile.TemporaryDirectory(prefix="tern-language-") as folder:
            trial = Trial(given.ternc, seed, folder, tally)
            trial.check(not given.quick or seed % 4 == 0, given.simulate and seed % given.simulate == 0)
            failed += [seed] if trial.wrong else []
            if trial.wrong and given.keep:
                shutil.copytree(folder, os.path.join(given.keep, str(seed)), dirs_exist_ok=True)
    print("%d models: %s" % (given.models, ", ".join("%s %d" % item for item in sorted(tally.items()))))
    print("differ: %s" % (", ".join(map(str, failed)) or "none"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
