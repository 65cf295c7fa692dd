"""Runs the commands of the two journeys of docs/internals.md and looks for what the document says that they print.

A command stands after "    $ ", with a comment behind it; the lines below it, up to the next, are parts of its output.
Usage: journeys.py docs/internals.md FOLDER   (a copy of examples/edge; ternc is found by PATH)"""
import re
import subprocess
import sys

document, folder = sys.argv[1:]
text = open(document, encoding="utf-8").read()
sections = re.findall(r"^## One (?:operator|weight)'s journey\n(.*?)(?=^## )", text, re.M | re.S)
assert len(sections) == 2, "the journeys are not where they were"
steps = []
for line in "\n".join(sections).split("\n"):
    if line.startswith("    $ "):
        steps.append((re.sub(r"\s+# .*", "", line[6:]), []))
    elif line.startswith("        ") and steps and steps[-1][1]:
        steps[-1][1][-1] += " " + line.strip()  # a line goes on
    elif line.startswith("      ") and steps:
        steps[-1][1].append(line.strip())
failed = 0
for command, lines in steps:
    run = subprocess.run(command, shell=True, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    printed = run.stdout
    if run.returncode != 0:
        failed += 1
        print(f"'{command}' ends with {run.returncode}: {run.stderr}")
    output = re.search(r"-o (\S+)", command)
    if output and not printed:
        path = f"{folder}/{output[1]}"
        path = f"{path}/edge.c" if output[1] == "edge-c" else path
        printed = open(path, encoding="utf-8", errors="replace").read()
    printed += run.stderr
    words = " ".join(printed.split())
    for line in lines:
        if " ".join(line.split()) not in words:
            failed += 1
            print(f"'{command}' does not print '{line}'")
print(f"{len(steps)} steps, {sum(len(lines) for _, lines in steps)} lines, {failed} wrong")
sys.exit(failed != 0 or len(steps) < 12)
