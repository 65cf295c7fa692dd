#!/usr/bin/env python3
"""Trains the published MatMul-free model in plain PyTorch as `ternc train` did, and says how far the two curves differ.

    ternc train SPEC ... --rate 0 --steps 1 --out START     # the weights that a training of that seed begins with
    ternc train SPEC ... --data IDS.u16 --held-out HELD.u16 --steps 300 --out RUN
    bench/peer_torch.py START RUN [--steps N] [--log FILE]

Of RUN are read training.json (options, and where the ids are) and log.jsonl (the curve), of START the weights. All else
stands here again, from the definitions: which windows a step reads (training/corpus.h), the schedule
(training/schedule.h), AdamW and what decays, the model (arXiv 2406.02528) with straight-through quantisers. A row a step
is printed, and at the end what the curves' last looks at the held-out text are; the exit status is 1 where they differ by
more than --within. Needs PyTorch and NumPy (Debian: python3-torch)."""
import argparse
import glob
import json
import math
import os
import sys
import time

try:
    import numpy as np
    import torch
except ImportError as e:
    sys.exit(f"peer_torch: {e}; Debian has it as python3-torch")
import torch.nn.functional as F
from torch import nn

# ---- which windows a step reads (training/corpus.h)

MASK = 2**64 - 1


def mix(x):
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9 & MASK
    x = (x ^ x >> 27) * 0x94d049bb133111eb & MASK
    return x ^ x >> 31


def permuted(key, n, i):
    half = max(1, math.ceil((n - 1).bit_length() / 2))
    mask = 2**half - 1
    while True:
        left, right = i >> half, i & mask
        for r in range(4):
            left, right = right, left ^ mix(key + r * 0x9e3779b97f4a7c15 + right & MASK) & mask
        i = left << half | right
        if i < n:
            return i


def window(seed, n, length, k):
    """Where window number k of the training begins."""
    windows, left = divmod(n - 1, length)
    epoch, place = divmod(k, windows)
    key = mix(mix(seed + 0x9e3779b97f4a7c15 & MASK) + epoch & MASK)
    return mix(key + 1 & MASK) % (left + 1) + permuted(key, windows, place) * length


# ---- the model

def rms(x, gain, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * gain


def straight_through(x, quantised):
    return x + (quantised - x).detach()


class BitLinear(nn.Module):
    def __init__(self, tensors, name):
        super().__init__()
        self.weight = nn.Parameter(tensors[name + ".weight"])
        self.gain = nn.Parameter(tensors[name + ".norm.weight"])

    def forward(self, x):
        x = rms(x, self.gain, 1e-6)
        s = 127 / x.abs().amax(-1, keepdim=True).clamp(min=1e-5)
        k = 1 / self.weight.abs().mean().clamp(min=1e-5)
        return F.linear(straight_through(x, (x * s).round().clamp(-128, 127) / s),
                        straight_through(self.weight, (self.weight * k).round().clamp(-1, 1) / k))


class Layer(nn.Module):
    def __init__(self, tensors, name):
        super().__init__()
        for p in "ifgo":
            setattr(self, p, BitLinear(tensors, f"{name}.attn.{p}_proj"))
        self.gate, self.down = (BitLinear(tensors, f"{name}.mlp.{p}_proj") for p in ("gate", "down"))
        gains = "attn_norm", "mlp_norm", "attn.g_norm"
        self.attn_norm, self.mlp_norm, self.g_norm = (nn.Parameter(tensors[f"{name}.{g}.weight"]) for g in gains)

    def forward(self, x, floor, h, eps):
        """x: [sequences, tokens, hidden]; h: the state before them, [sequences, hidden]. Also the state after them."""
        y = rms(x, self.attn_norm, eps)
        f = floor + (1 - floor) * torch.sigmoid(self.f(y))
        v = F.silu(self.i(y)) * (1 - f)
        states = []
        for f_t, v_t in zip(f.unbind(1), v.unbind(1)):
            h = f_t * h + v_t
            states.append(h)
        x = x + self.o(rms(self.g(y), self.g_norm, eps) * F.silu(torch.stack(states, 1)))
        gate, up = self.gate(rms(x, self.mlp_norm, eps)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up), h


class Model(nn.Module):
    def __init__(self, tensors, layers, eps):
        super().__init__()
        self.eps = eps
        self.embeddings = nn.Parameter(tensors["model.embeddings.weight"])
        self.bounds = nn.Parameter(tensors["model.lower_bounds"])
        self.norm = nn.Parameter(tensors["model.norm.weight"])
        self.head = BitLinear(tensors, "lm_head")
        self.layers = nn.ModuleList(Layer(tensors, f"model.layers.{i}") for i in range(layers))

    def forward(self, ids, states=None):
        p = torch.softmax(self.bounds, 0)
        floors = torch.cumsum(p, 0) - p[0]
        x, after = F.embedding(ids, self.embeddings), []
        for i, layer in enumerate(self.layers):
            h = x.new_zeros(x.shape[0], x.shape[2]) if states is None else states[i]
            x, h = layer(x, floors[i], h, self.eps)
            after.append(h)
        return self.head(rms(x, self.norm, self.eps)), after

    def matrices(self):
        return [m.weight for m in self.modules() if isinstance(m, BitLinear)]


# ---- a training on disk

def read_tensors(path):
    with open(path, "rb") as f:
        about = json.loads(f.read(int.from_bytes(f.read(8), "little")))
        data = f.read()
    tensors = {}
    for name, t in about.items():
        if name != "__metadata__":
            if t["dtype"] != "F32":
                sys.exit(f"peer_torch: {path}: {name} is {t['dtype']}, and F32 is expected")
            numbers = np.frombuffer(data[slice(*t["data_offsets"])], np.float32).reshape(t["shape"])
            tensors[name] = torch.tensor(numbers)
    return tensors


def read_ids(path):
    width = {".u16": "<u2", ".u32": "<u4"}.get(os.path.splitext(path)[1])
    if not width:
        sys.exit(f"peer_torch: {path}: is a text; train with ids, which `ternc tokenizer --encode` makes of it")
    return torch.tensor(np.fromfile(path, width).astype(np.int64))


class Run:
    def __init__(self, folder):
        newest = sorted(glob.glob(os.path.join(folder, "checkpoints", "*", "training.json")))
        if not newest:
            sys.exit(f"peer_torch: {folder}: is no folder of a training")
        with open(newest[-1]) as f:
            about = json.load(f)
        if about["model"] != "mmfree":
            sys.exit(f"peer_torch: {folder}: is a training of {about['model']}, and what is written here is mmfree")
        self.params = dict(p.split("=") for p in about["params"].split())
        self.options = o = about["options"]
        self.steps, self.batch, self.length, self.seed = (int(o[k]) for k in ("steps", "batch", "length", "seed"))
        self.looks, self.look_tokens = int(o["held-out-every"]), int(o["held-out-tokens"])
        if len(o["data"]) != 1 or not o["held-out"]:
            sys.exit(f"peer_torch: {folder}: a training with one --data and a --held-out is expected")
        self.ids, self.held = read_ids(o["data"][0]), read_ids(o["held-out"])
        with open(os.path.join(folder, "log.jsonl")) as f:
            rows = [json.loads(line) for line in f]
        self.loss = {r["step"]: r["loss"] for r in rows if "loss" in r}
        self.held_loss = {r["step"]: r["held_out_loss"] for r in rows if "held_out_loss" in r}
        self.bits = [r["held_out_bits_per_byte"] / r["held_out_loss"] for r in rows if r.get("held_out_bits_per_byte")]

    def rate(self, step):
        """The schedule's (training/schedule.h)."""
        o, warmup = self.options, int(self.options["warmup"])
        warmup = self.steps // 20 if warmup == MASK else warmup
        kind, least = o["schedule"] or "cosine", o["least-rate"]
        if step <= warmup:
            return o["rate"] * step / warmup
        p = min(1, (step - warmup) / max(1, self.steps - warmup))
        cosine = least + (1 - least) * (1 + math.cos(math.pi * p)) / 2
        return o["rate"] * {"cosine": cosine, "two-stage": cosine if step / self.steps < 0.5 else cosine / 2,
                            "linear": 1 - p * (1 - least), "constant": 1}[kind]

    def batch_of(self, step):
        """Ids of a step, from 1: [batch, length + 1]."""
        first = (window(self.seed, len(self.ids), self.length, (step - 1) * self.batch + i) for i in range(self.batch))
        return torch.stack([self.ids[at:at + self.length + 1] for at in first])


# ---- steps

@torch.no_grad()
def held_out(model, ids, n, part=2048):
    """Nats a token of the first n predictions, as one sequence."""
    n, states, total = min(n, len(ids) - 1), None, 0.0
    for at in range(0, n, part):
        some = ids[at:min(at + part, n) + 1]
        logits, states = model(some[None, :-1], states)
        total += F.cross_entropy(logits[0], some[1:], reduction="sum").item()
    return total / n


def optimiser(model, o):
    matrices = model.matrices()
    own = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in own]
    groups = [{"params": matrices, "weight_decay": o["decay"]}, {"params": rest, "weight_decay": 0}]
    return torch.optim.AdamW(groups, lr=0, betas=(o["beta1"], o["beta2"]), eps=o["epsilon"])


def one_step(model, adamw, run, step):
    """Loss, and the gradient's norm before it is clipped."""
    ids = run.batch_of(step)
    loss = F.cross_entropy(model(ids[:, :-1])[0].flatten(0, 1), ids[:, 1:].flatten())
    adamw.zero_grad(set_to_none=True)
    loss.backward()
    norm = math.sqrt(sum(p.grad.double().pow(2).sum().item() for p in model.parameters()))
    clip = run.options["clip"]
    for group in adamw.param_groups:
        group["lr"] = run.rate(step)
    if clip > 0 and norm > clip:
        for p in model.parameters():
            p.grad *= clip / norm
    adamw.step()
    return loss.item(), norm


def look(model, run, step, log):
    loss, theirs = held_out(model, run.held, run.look_tokens), run.held_loss.get(step)
    log({"step": step, "held_out_loss": loss})
    print(f"step {step} held-out loss {loss:.5f}, " +
          (f"tern's {theirs:.5f}, {100 * (theirs / loss - 1):+.3f} %" if theirs else "tern has none"), flush=True)
    return loss, theirs


def compare(run, ours, last, within):
    steps = sorted(s for s in ours if s in run.loss)
    apart = [run.loss[s] / ours[s] - 1 for s in steps]
    loss, theirs = last
    print(f"{len(steps)} steps; tern's loss over PyTorch's, less 1: mean {100 * np.mean(apart):+.3f} %, "
          f"of the last 50 {100 * np.mean(apart[-50:]):+.3f} %, the farthest {100 * max(apart, key=abs):+.3f} %")
    if not theirs:
        sys.exit("peer_torch: the training has no look at the held-out text at this step; see --held-out-every")
    bits = run.bits[-1] if run.bits else math.nan
    print(f"held-out: PyTorch {loss * bits:.5f} bits a byte, tern {theirs * bits:.5f}, {100 * (theirs / loss - 1):+.3f} %")
    return abs(theirs / loss - 1) <= within


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("start", metavar="START", help="folder with the weights to begin with")
    a.add_argument("run", metavar="RUN", help="folder of the training to compare with")
    a.add_argument("--steps", type=int, help="stop after so many (default: all)")
    a.add_argument("--threads", type=int, default=os.cpu_count(), help="of PyTorch (default: all)")
    a.add_argument("--within", type=float, default=0.01, help="the most that held-out losses may differ (default 0.01)")
    a.add_argument("--log", metavar="FILE", help="also writes rows as those of log.jsonl")
    o = a.parse_args()
    torch.set_num_threads(o.threads)
    run = Run(o.run)
    try:
        tensors = read_tensors(os.path.join(o.start, "model.safetensors"))
        model = Model(tensors, int(run.params["layers"]), float(run.params["eps"]))
    except (OSError, KeyError) as e:
        sys.exit(f"peer_torch: {o.start}: holds no weights of this model: {e}")
    adamw, ours, began = optimiser(model, run.options), {}, time.time()
    file = open(o.log, "w") if o.log else None
    log = lambda row: file and print(json.dumps(row), file=file, flush=True)
    steps = min(o.steps or run.steps, run.steps)
    for step in range(1, steps + 1):
        if (step - 1) % run.looks == 0:
            look(model, run, step - 1, log)
        ours[step], norm = one_step(model, adamw, run, step)
        log({"step": step, "loss": ours[step], "norm": norm, "rate": run.rate(step)})
        print(f"step {step} loss {ours[step]:.5f}, tern's {run.loss.get(step, math.nan):.5f}, norm {norm:.5f}, "
              f"{step * run.batch * run.length / (time.time() - began):.0f} tokens/s", flush=True)
    sys.exit(0 if compare(run, ours, look(model, run, steps, log), o.within) else 1)


main()
