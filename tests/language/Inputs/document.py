#!/usr/bin/python3
"""Compiles every whole spec of a document: each indented text in it that has a model.

    document.py TERNC DOCUMENT FOLDER
"""
import re
import subprocess
import sys

ternc, document, folder = sys.argv[1:]
with open(document) as f:
    texts = re.findall(r"(?:^(?: {4}.*)?\n)+", f.read(), re.M)
specs = [re.sub(r"^ {4}", "", t, flags=re.M) for t in texts if re.search(r"^    model \w+\(token: u32\)", t, re.M)]
for number, spec in enumerate(specs):
    path = "%s/%d.tern" % (folder, number)
    with open(path, "w") as f:
        f.write(spec)
    done = subprocess.run([ternc, "build", path, "--emit", "ir"], capture_output=True, text=True)
    if done.returncode or done.stderr:
        sys.exit("%s\n%s" % (spec, done.stderr))
print("%d specs" % len(specs))
