#!/usr/bin/env python3
"""usage: hold_fixed.py TERNC SPEC DIR LIMIT CALIBRATED [REFERENCE]

Runs a model in fixed point on DIR/tokens.txt and holds the logits against REFERENCE (float64), or without one against
the float model's: as they come within LIMIT of the logits' standard deviation, and with --calibrate-tokens within
CALIBRATED, at every position; the best token is the same wherever the float model's two best are further apart than
twice that. Native code, generated C and the interpreter write the same integers."""
import array, os, platform, statistics, subprocess, sys

ternc, spec, folder, limit, calibrated = sys.argv[1:6]
tokens = os.path.join(folder, "tokens.txt")
scratch = os.environ.get("TMPDIR", "/tmp")
out = os.path.join(scratch, f"hold-{os.getpid()}")


def call(*command):
    done = subprocess.run(command, stderr=subprocess.PIPE)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: status {done.returncode}\n{done.stderr.decode()}")


def run(*options):
    call(ternc, "run", spec, "--weights", folder, "--tokens", tokens, *options)


def read(path, kind):
    a = array.array(kind)
    with open(path, "rb") as f:
        a.frombytes(f.read())
    os.remove(path) if path == out else None
    return a


# Floats compile sooner so, as %plain of lit.cfg.py; products of 64 bits take longest for the plainest processor.
PLAIN = ["--cpu", "x86-64"] if platform.machine() == "x86_64" else []


def logits(*options):
    run("--logits", out, *options)
    return read(out, "f")


def integers(*options):
    run("--logits-raw", out, "--fixed", *options)
    return read(out, "i")


def built(option, kind):
    """What the native program of the model writes."""
    program = out + ".program"
    if not os.path.exists(program):
        call(ternc, "build", spec, "--weights", folder, "--fixed", "-q", "-o", program)
    call(program, "--tokens", tokens, option, out)
    return read(out, kind)


want = read(sys.argv[6], "d") if len(sys.argv) > 6 else logits(*PLAIN)
vocab = len(want) // len(open(tokens).read().split())
unit = statistics.pstdev(want)


def hold(name, got, most):
    assert len(got) == len(want), f"{len(got)} logits, not {len(want)}"
    worst = 0
    for at in range(0, len(want), vocab):
        a, b = got[at : at + vocab], want[at : at + vocab]
        off = max(abs(x - y) for x, y in zip(a, b)) / unit
        if not off <= most:
            sys.exit(f"{spec} {name}: position {at // vocab} is {off:.2e} deviations off, the limit is {most:g}")
        worst = max(worst, off)
        best, second = sorted(b, reverse=True)[:2]
        if best - second > 2 * most * unit:
            assert a.index(max(a)) == b.index(best), f"{spec} {name}: another token is best at {at // vocab}"
    print(f"{os.path.basename(spec)} {name}: {worst:.1e} deviations off at most (limit {most:g})")


hold("fixed", built("--logits", "f"), float(limit))
hold("calibrated", logits("--fixed", "--calibrate-tokens", tokens), float(calibrated))
native = built("--logits-raw", "i")
os.remove(out + ".program")
assert native == integers("--interpret"), f"{spec}: native code and the interpreter differ"
assert native == integers("--engine", "c"), f"{spec}: native code and generated C differ"
