#!/usr/bin/env python3
"""usage: random_checkpoint.py TERNC SPEC DIR   Writes a checkpoint with random weights for a spec (config.json,
model.safetensors) and 48 random tokens (tokens.txt) into DIR; the same for the same name of a spec."""
import itertools, json, os, random, re, struct, subprocess, sys

ternc, spec, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
command = [ternc, "build", spec, "--emit", "ir", "--passes=", "-o", "-"]
ir = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode()
draw = random.Random(os.path.basename(spec))


def number(name, shape):
    if "norm" in name:
        return draw.gauss(1, 0.1)
    if "log" in name or "decay" in name:
        return draw.uniform(-6, 1)
    if len(shape) == 1:
        return draw.gauss(0, 0.3)
    return draw.gauss(0, 1) if "emb" in name else draw.gauss(0, shape[-1] ** -0.5)


def instances(name, counts):
    for indices in itertools.product(*map(range, counts)):
        one = name
        for i in indices:
            one = one.replace("{}", str(i), 1)
        yield one


head, data = {}, b""
weight = re.compile(r'^weight @("?)([^"\s:\[]+)\1(?:\[([\d, ]+)\])? : \w+\[([\d, ]+)\]', re.M)
for _, name, counts, dims in weight.findall(ir):
    shape = [int(d) for d in dims.split(",")]
    for one in instances(name, [int(c) for c in counts.split(",") if c]):
        count = 1
        for d in shape:
            count *= d
        numbers = struct.pack(f"<{count}f", *(number(one, shape) for _ in range(count)))
        head[one] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(numbers)]}
        data += numbers
text = json.dumps(head).encode()
with open(os.path.join(folder, "model.safetensors"), "wb") as f:
    f.write(struct.pack("<Q", len(text)) + text + data)
with open(os.path.join(folder, "config.json"), "w") as f:
    f.write("{}")
vocab = int(re.search(r"^func step.*-> f32\[(\d+)\]", ir, re.M).group(1))
with open(os.path.join(folder, "tokens.txt"), "w") as f:
    print(*(draw.randrange(vocab) for _ in range(48)), file=f)
