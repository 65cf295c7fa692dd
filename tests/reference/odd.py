#!/usr/bin/env python3
"""Checkpoints of odd sizes in the published layout: ternc against the Python reference.

usage: odd.py TERNC SPEC [DIR]      DIR keeps the checkpoints, tokens and logits; without it they are temporary

Each row of CASES makes a small random checkpoint: sizes that are no multiple of anything, the three float types, shards,
an inner size that config.json leaves to be derived, weights so small that the floor of a scale holds. The reference
(mmfree.py) computes its logits; then
  - the interpreter in float64 must agree within 1e-9 of the logits' standard deviation, one token at a time and in
    chunks of 5 (the last one shorter);
  - native code, in float32, within 3e-2 at the median position, as a code on the other side of a rounding moves all
    that follows;
  - `--compare` must find native code equal to the float32 interpreter, kernel by kernel.
A case whose reference comes so near a tie that a correct float64 program could round the other way is refused: another
seed will do."""

import json, math, os, random, statistics, subprocess, sys, tempfile
from array import array
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
import mmfree, tensors

TOKENS, TIMEOUT = 23, 300  # seconds; a run takes some three, but the machine may be busy
JUDGE_LIMIT, NATIVE_LIMIT = 1e-9, 3e-2
LEAST_MARGIN = 1e-9  # float64 rounding moves a scaled activation, at most 127, by some 1e-13
LEAST_MEAN_MARGIN = 1e-6  # and a sum of absolute values by some 1e-13 of itself: 1e-6 of a float32 step

# dtype: torch_dtype of config.json. Optional: ratio with inner None, shards, eps (rms_norm_eps), small (spreads of some
# tensors): with 2e-6, 1e-5 takes the place of mean|W| or, after a norm's weight, of max|n|; with 1e-3 the outputs of
# g_proj are small enough that rms_norm_eps counts.
SMALL = {
    "model.layers.2.attn.i_proj.weight": 2e-6,
    "lm_head.norm.weight": 2e-6,
    "model.layers.0.attn.g_proj.weight": 1e-3,
    "model.layers.3.attn.g_proj.weight": 1e-3,
}
CASES = {
    "plain": dict(hidden=100, inner=136, vocab=333, layers=2, dtype="bfloat16"),
    "primes": dict(hidden=17, inner=33, vocab=65, layers=3, dtype="float16"),
    "shards": dict(hidden=64, inner=None, ratio=4, vocab=100, layers=1, dtype="float32", shards=2),
    "narrow": dict(hidden=33, inner=7, vocab=50, layers=5, dtype="float32", eps=1e-5, small=SMALL),
}
DTYPES = {"bfloat16": "BF16", "float16": "F16", "float32": "F32"}


def config(case):
    return {
        "architectures": ["HGRNBitForCausalLM"],
        "attn_mode": "fused_recurrent",
        "bos_token_id": 1,
        "conv_size": 4,
        "eos_token_id": 2,
        "expand_ratio": 1,
        "fuse_cross_entropy": True,
        "hidden_act": "swish",
        "hidden_ratio": case.get("ratio", 4),
        "hidden_size": case["hidden"],
        "initializer_range": 0.02,
        "intermediate_size": case["inner"],
        "max_position_embeddings": 2048,
        "model_type": "hgrn_bit",
        "num_heads": 1,
        "num_hidden_layers": case["layers"],
        "rms_norm_eps": case.get("eps", 1e-6),
        "share_conv_kernel": True,
        "tie_word_embeddings": False,
        "torch_dtype": case["dtype"],
        "use_cache": True,
        "use_lower_bound": True,
        "use_short_conv": False,
        "vocab_size": case["vocab"],
    }


def shapes(case):
    """{name: shape} of the published layout."""
    h, vocab, layers = case["hidden"], case["vocab"], case["layers"]
    inner = case["inner"] or 256 * math.ceil(int(h * case["ratio"] * 2 / 3) / 256)
    linears = {f"attn.{name}_proj": (h, h) for name in "ifgo"}
    linears |= {"mlp.gate_proj": (2 * inner, h), "mlp.down_proj": (h, inner)}
    named = {"model.embeddings.weight": (vocab, h), "model.lower_bounds": (layers, h)}
    for i in range(layers):
        at = f"model.layers.{i}."
        for name in ("attn_norm", "mlp_norm", "attn.g_norm"):
            named[f"{at}{name}.weight"] = (h,)
        for name, (m, n) in linears.items():
            named |= {f"{at}{name}.weight": (m, n), f"{at}{name}.norm.weight": (n,)}
    return named | {"model.norm.weight": (h,), "lm_head.weight": (vocab, h), "lm_head.norm.weight": (h,)}


def values(r, name, shape, case):
    """Random floats: norms around 0.8, a few of them negative; matrices of a spread that differs from one to another."""
    n = math.prod(shape)
    if name in case.get("small", ()):
        return [r.gauss(0, case["small"][name]) for _ in range(n)]
    if name == "model.embeddings.weight":  # id 0 has a row of zeros, as a padding id has: norms of nothing
        return [0.0] * shape[1] + [r.gauss(0, 0.7) for _ in range(n - shape[1])]
    if len(shape) == 1:
        return [r.gauss(0.8, 0.4) for _ in range(n)]
    if name == "model.lower_bounds":
        return [r.gauss(0, 1) for _ in range(n)]
    spread = math.exp(r.uniform(-4, -1))
    return [r.gauss(0.1 * spread, spread) for _ in range(n)]


def make(folder, name, case):
    """Writes a checkpoint and tokens.txt; -> the ids."""
    r = random.Random(name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(config(case), f, indent=1)
    all_values = {t: (shape, values(r, t, shape, case)) for t, shape in shapes(case).items()}
    if "shards" in case:
        tensors.write_shards(folder, DTYPES[case["dtype"]], all_values, case["shards"])
    else:
        tensors.write_file(os.path.join(folder, "model.safetensors"), DTYPES[case["dtype"]], all_values)
    ids = [1] + [r.randrange(1, case["vocab"]) for _ in range(TOKENS - 1)]
    ids[TOKENS // 2], ids[-1] = 0, case["vocab"] - 1
    with open(os.path.join(folder, "tokens.txt"), "w") as f:
        f.write(" ".join(map(str, ids)) + "\n")
    return ids


def reference(folder, ids):
    """-> float64 logits, one position after the other."""
    model, logits = mmfree.Model(folder), array("d")
    for token in ids:
        logits.extend(model.step(token))
    if model.margin.code < LEAST_MARGIN or model.margin.mean < LEAST_MEAN_MARGIN:
        raise ValueError(f"{folder}: codes {model.margin.code:g}, means {model.margin.mean:g} from a tie: reseed")
    with open(os.path.join(folder, "reference.f64"), "wb") as f:
        tensors.native(array("d", logits)).tofile(f)
    return logits


class Checks:
    """Runs ternc on one checkpoint; a line a check."""

    def __init__(self, ternc, spec, folder, name):
        self.command, self.folder, self.name = [ternc, "run", spec, "--weights", folder], folder, name
        self.lines, self.failed = [], 0
        self.tokens = ["--tokens", os.path.join(folder, "tokens.txt")]

    def say(self, what, ok, detail):
        self.failed += not ok
        self.lines.append(f"{'ok  ' if ok else 'FAIL'} {self.name}: {what}: {detail}")

    def run(self, what, *options):
        """-> whether ternc ended well; if not, its last messages are the detail."""
        command = self.command + self.tokens + list(options)
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            self.say(what, False, f"no end after {TIMEOUT} s")
            return False
        if done.returncode:
            self.say(what, False, f"status {done.returncode}: {done.stderr.strip()[-1000:]}")
        return done.returncode == 0

    def logits(self, what, want, vocab, how, limit, *options):
        judge = "--float64" in options
        out = os.path.join(self.folder, what.replace(" ", "-") + (".f64" if judge else ".f32"))
        if not self.run(what, "--logits", out, *options):
            return
        got = mmfree.read_logits(out, "d" if judge else "f")
        if len(got) != len(want):
            self.say(what, False, f"{len(got)} logits, {len(want)} expected")
            return
        rows = mmfree.distances(got, want, vocab)
        self.say(what, how(rows) <= limit, f"distance {how(rows):.1e}, limit {limit:g}; worst {worst(rows)}")


def worst(rows):
    at = max(range(len(rows)), key=lambda i: (rows[i] != rows[i], rows[i]))
    return f"{rows[at]:.1e} at position {at}"


def largest(rows):
    return max(rows, key=lambda d: (d != d, d))  # a NaN is the largest, and no limit holds it


def check(ternc, spec, folder, name):
    """All checks of one case -> Checks."""
    want = reference(folder, make(folder, name, CASES[name]))
    c, vocab, judge = Checks(ternc, spec, folder, name), CASES[name]["vocab"], ("--interpret", "--float64")
    c.logits("float64 steps", want, vocab, largest, JUDGE_LIMIT, *judge)
    c.logits("float64 chunks", want, vocab, largest, JUDGE_LIMIT, *judge, "--chunk", "5")
    c.logits("native", want, vocab, statistics.median, NATIVE_LIMIT)
    if c.run("compare", "--compare"):
        c.say("compare", True, "equal")
    return c


def main():
    ternc, spec = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(os.cpu_count()) as pool:
        top = sys.argv[3] if len(sys.argv) > 3 else scratch  # most of the time goes to ternc compiling: all CPUs
        done = list(pool.map(lambda name: check(ternc, spec, os.path.join(top, name), name), CASES))
    for c in done:
        print("\n".join(c.lines))
    failed = sum(c.failed for c in done)
    sys.exit(f"{failed} checks failed" if failed else 0)


if __name__ == "__main__":
    main()
