#!/usr/bin/env python3
"""usage: near.py FILE.perplexity RELATIVE   Reads a program's output from standard input and holds its last line,
"perplexity X over N tokens", against the file's "X N"."""
import sys

want, n = open(sys.argv[1]).read().split()
words = sys.stdin.read().strip().splitlines()[-1].split()
assert words[0] == "perplexity" and words[2:] == ["over", n, "tokens"], words
off = abs(float(words[1]) / float(want) - 1)
print(f"perplexity {words[1]}, reference {want}: {off:.2e} apart")
sys.exit(off > float(sys.argv[2]))
