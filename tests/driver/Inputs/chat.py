#!/usr/bin/env python3
"""chat.py SOURCE DIR [special]: a checkpoint for bigram.tern with two tokens added to SOURCE's tokenizer,
2048 <|im_start|> and 2049 <|im_end|>, special or not, of which tokenizer_config.json names the last as eos_token. After
<s> it says "Once upon" and ends, after <|im_start|> " Once upon"."""
import json
import struct
import sys

source, folder = sys.argv[1:3]
V = 2050
table = bytearray(2 * V * V)
for chain in ((2048, 587, 1230, 565, 2049, 265, 949, 265), (1, 587)):
    for a, b in zip(chain, chain[1:]):
        struct.pack_into("<e", table, 2 * (a * V + b), 20)
header = json.dumps({"table": {"dtype": "F16", "shape": [V, V], "data_offsets": [0, len(table)]}}).encode()
open(folder + "/model.safetensors", "wb").write(struct.pack("<Q", len(header)) + header + table)
json.dump({"model_type": "bigram", "vocab_size": V, "rope_theta": float("inf")}, open(folder + "/config.json", "w"))
whole = json.load(open(source + "/tokenizer.json"))
for i, s in ((2048, "<|im_start|>"), (2049, "<|im_end|>")):
    whole["added_tokens"].append({"id": i, "content": s, "single_word": False, "lstrip": False, "rstrip": False,
                                  "normalized": False, "special": sys.argv[3:] == ["special"]})
json.dump(whole, open(folder + "/tokenizer.json", "w"))
json.dump({"<|im_start|>": 2048, "<|im_end|>": 2049}, open(folder + "/added_tokens.json", "w"))
json.dump({"add_bos_token": True, "bos_token": "<s>", "eos_token": "<|im_end|>", "model_max_length": 10**30},
          open(folder + "/tokenizer_config.json", "w"))
