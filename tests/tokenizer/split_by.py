#!/usr/bin/env python3
"""split_by.py llama3|qwen2 SOURCE DIR: DIR/tokenizer.json is SOURCE with the normalizer and the pre-tokenizer that those models have."""
import json
import sys

name, source, folder = sys.argv[1:]
PATTERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
pattern = PATTERN % {"llama3": r"\p{N}{1,3}", "qwen2": r"\p{N}"}[name]
whole = json.load(open(source, encoding="utf-8"))
whole["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [
    {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False},
    {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]}
whole["normalizer"] = {"type": "NFC"} if name == "qwen2" else None
whole["model"]["ignore_merges"] = name == "llama3"
json.dump(whole, open(folder + "/tokenizer.json", "w", encoding="utf-8"), ensure_ascii=False)
