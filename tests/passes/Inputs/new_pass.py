"""new_pass.py BUILD ROOT DIR: a ternc with one more pass, DIR/ternc.

What docs/internals.md asks of a new pass, a file and a row in passes.def, and nothing else: the file and the table of
passes are compiled beside a copy of passes.def with that row, and linked before the libraries that BUILD has.
"""
import os
import shlex
import subprocess
import sys

build, root, out = (os.path.abspath(path) for path in sys.argv[1:])
PASS = """#include "passes/pass.h"

bool pass_rename(struct module *m, const struct pass_context *c) {
  (void)c;
  m->name = "renamed";
  return true;
}
"""
ROW = 'PASS(rename, "rename", IN(chip), NO_PLAN, "gives the module another name")\n'


def write(name, text):
    path = os.path.join(out, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    return path


def compile_like(command, source, name):
    """The command that compiles pass.c, for another source, with DIR's passes.def before ROOT's."""
    words = shlex.split(command)
    words[words.index("-c") + 1] = source
    words[words.index("-o") + 1] = os.path.join(out, name)
    words[words.index("-MF") + 1] = os.path.join(out, name + ".d")
    subprocess.run(words, cwd=build, check=True)
    return words[words.index("-o") + 1]


commands = subprocess.run(["ninja", "-C", build, "-t", "commands", "bin/ternc"], check=True, capture_output=True,
                          text=True).stdout.splitlines()
like = next(c for c in commands if c.endswith("/passes/pass.c")).replace(" -I" + root + " ", " -I%s -I%s " % (out, root))
link = next(c for c in commands if " -o bin/ternc " in c).split("&&")[1]
with open(os.path.join(root, "passes/passes.def")) as file:
    rows = file.read()
place = "PASS(plan_memory,"
write("passes/passes.def", rows.replace(place, ROW + place))
objects = [compile_like(like, os.path.join(root, "passes/pass.c"), "pass.o"),
           compile_like(like, write("passes/rename.c", PASS), "rename.o")]
words = shlex.split(link)
words[words.index("-o") + 1] = os.path.join(out, "ternc")
first = next(i for i, word in enumerate(words) if word.endswith("main.c.o"))
subprocess.run(words[:first + 1] + objects + words[first + 1:], cwd=build, check=True)
