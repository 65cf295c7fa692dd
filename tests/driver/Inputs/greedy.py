#!/usr/bin/env python3
"""usage: greedy.py GREEDY.json COMMAND...   Runs COMMAND --prompt P -n N --temperature 0 --no-echo --quiet for every entry
of GREEDY.json (prompt, tokens, text) and checks that it writes the text."""
import json, subprocess, sys

for entry in json.load(open(sys.argv[1])):
    n = len(entry["tokens"])
    run = sys.argv[2:] + ["--prompt", entry["prompt"], "-n", str(n), "--temperature", "0", "--no-echo", "--quiet"]
    got = subprocess.run(run, stdout=subprocess.PIPE, check=True).stdout.decode()
    if got.strip() != entry["text"].strip():
        sys.exit(f"prompt {entry['prompt']!r}:\n got  {got!r}\n want {entry['text']!r}")
print("all greedy continuations are equal")
