#!/usr/bin/env python3
"""add_tokens.py SOURCE DIR: DIR/tokenizer.json is SOURCE with added tokens of all kinds; DIR/lines.txt a text full of
them. tests/tokenizer/Inputs/added.ids has the ids that `hugging_face.mjs rust DIR DIR/lines.txt` prints: those of the
reference implementation, which always looks for special tokens."""
import json
import sys

source, folder = sys.argv[1:]
TOKENS = [
    ("<|im_start|>", {"special": True}),
    ("<|im_end|>", {"special": True, "rstrip": True}),
    ("<pad>", {"special": True, "normalized": True}),
    ("[TOOL]", {"lstrip": True, "rstrip": True}),
    ("cat", {"single_word": True}),
    ("upon", {"single_word": True, "normalized": True}),
    ("@@", {}),
    ("@@@", {"special": True}),
    ("été", {"single_word": True}),
    ("the end", {"normalized": True}),
]
LINES = [
    "<|im_start|>user\\nHi<|im_end|>  there <|im_end|>", "<s>Once</s> <unk>", "<s", "a<s>b", " <s> ", "<pad>", "x <pad> y",
    "a <pad>", "say [TOOL] now", "say[TOOL]now", "  [TOOL]  ", "\u3000[TOOL]\u2003x", "cat", "a cat.", "cats", "concat",
    "cat_", "cat's", "cat-cat", "catcat", "écat", "cat\u0301", "cat①", "catⓐ", "cat\u200d", "cat世", "9cat", "once upon a time",
    "upon", "thereupon", "upon!", "@@@@", "@@ @@@", "@@@@@", "l'été!", "étés", "été", "the end", "at the end of the ends",
    "<|im_start|><|im_start|>", "<|im_end|>\\t\\n x", "<|im_start|> [TOOL] <|im_end|>", "\uFEFFcat", "cat\u00A0cat",
    "plain text with nothing in it",
]
whole = json.load(open(source, encoding="utf-8"))
for i, (content, how) in enumerate(TOKENS):
    token = {"id": 2048 + i, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": False}
    whole["added_tokens"].append({**token, **how})
json.dump(whole, open(folder + "/tokenizer.json", "w", encoding="utf-8"), ensure_ascii=False)
text = "".join(line.replace("\\n", "\u0085").replace("\\t", "\t") + "\n" for line in LINES)
open(folder + "/lines.txt", "w", encoding="utf-8").write(text)
