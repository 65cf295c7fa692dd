"""new_backend.py BUILD ROOT DIR: a ternc with one more back end, DIR/ternc.

What docs/internals.md asks of a new back end, a file and a row in backends.def, and nothing else: the file and the table
of back ends are compiled beside a copy of backends.def with that row, and linked before the libraries that BUILD has.
"""
import os
import shlex
import subprocess
import sys

build, root, out = (os.path.abspath(path) for path in sys.argv[1:])
BACKEND = """#include "driver/backend.h"

#include "support/file.h"

static int threads_wait(const struct call *c) {
  int n = 0;
  for (; c; c = c->next)
    n += c->kernel ? c->barrier : threads_wait(c->body);
  return n;
}

bool emit_counts(struct build *b, const char *path) {
  const struct loops *l = b->job.loops;
  struct output out;
  if (!output_open(&out, &b->job.diag, path))
    return false;
  fprintf(out.file, "%d kernels, policy %s\\n", l->n_kernels, l->policy->name);
  for (int i = 0; i < l->entries.n; i++)
    fprintf(out.file, "%s waits %d\\n", l->entries.at[i]->name, threads_wait(l->entries.at[i]->schedule));
  return output_close(&out, false);
}
"""
ROW = """BACKEND(counts, "counts", "how many kernels the model has",
        .text = true, .no_forms = "which counts one step", .no_target = "a count is the same everywhere",
        .recipe = {.stage = AS_LOOPS, .plain = PIPELINE_chip, .fixed = PIPELINE_fixed_chip, .policy = &policy_chip})
"""


def write(name, text):
    path = os.path.join(out, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    return path


def compile_like(command, source, name):
    """The command that compiles backend.c, for another source, with DIR's backends.def before ROOT's."""
    words = shlex.split(command)
    words[words.index("-c") + 1] = source
    words[words.index("-o") + 1] = os.path.join(out, name)
    words[words.index("-MF") + 1] = os.path.join(out, name + ".d")
    subprocess.run(words, cwd=build, check=True)
    return words[words.index("-o") + 1]


commands = subprocess.run(["ninja", "-C", build, "-t", "commands", "bin/ternc"], check=True, capture_output=True,
                          text=True).stdout.splitlines()
like = next(c for c in commands if c.endswith("/driver/backend.c"))
like = like.replace(" -I" + root + " ", " -I%s -I%s " % (out, root))
link = next(c for c in commands if " -o bin/ternc " in c).split("&&")[1]
with open(os.path.join(root, "driver/backends.def")) as file:
    rows = file.read()
place = 'BACKEND(exe, '
write("driver/backends.def", rows.replace(place, ROW + place))
objects = [compile_like(like, os.path.join(root, "driver/backend.c"), "backend.o"),
           compile_like(like, write("driver/emit_counts.c", BACKEND), "emit_counts.o")]
words = shlex.split(link)
words[words.index("-o") + 1] = os.path.join(out, "ternc")
first = next(i for i, word in enumerate(words) if word.endswith("main.c.o"))
subprocess.run(words[:first + 1] + objects + words[first + 1:], cwd=build, check=True)
