#!/usr/bin/env python3
"""Resumes a training whose newest training.json has one edit: what comes of it. Usage: edits.py TRAINER RUN"""
import json
import shutil
import subprocess
import sys

EDITS = [("step", -5), ("step", "x"), ("chunk", -1), ("format", 3), ("tokens", -1), ("options", [])]
OPTIONS = [("data", []), ("data", [1]), ("data", ["-"]), ("length", "0"), ("batch", "-1"), ("save-every", 3),
           ("held-out-every", "0"), ("rate", -1), ("schedule", 4), ("rate", None)]


def attempt(edit, name):
    shutil.rmtree("edited", ignore_errors=True)
    shutil.copytree(sys.argv[2], "edited")
    path = "edited/checkpoints/000006/training.json"
    about = json.load(open(path))
    edit(about)
    json.dump(about, open(path, "w"))
    result = subprocess.run([sys.argv[1], "--resume", "edited", "--threads", "1", "-q"], stdin=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, timeout=60)
    print("%s: %d %s" % (name, result.returncode, result.stderr.decode().strip()))


def change(where, key, value):
    if value is None:
        del where[key]
    else:
        where[key] = value


for key, value in EDITS:
    attempt(lambda about: change(about, key, value), "%s=%s" % (key, json.dumps(value)))
for key, value in OPTIONS:
    name = "%s gone" % key if value is None else "%s=%s" % (key, json.dumps(value))
    attempt(lambda about: change(about["options"], key, value), name)
