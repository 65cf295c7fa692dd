"""new_backend.py BUILD ROOT DIR: a ternc with one more back end, DIR/ternc.

What docs/internals.md asks of a new back end, a file and a row in backends.def, and nothing else: the file and the table
of back ends are compiled beside a copy of backends.def with that row, and linked before the libraries that BUILD has.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
sys.dont_write_bytecode = True
import new_row  # noqa: E402

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

new_row.build(build, root, out, "driver/backends.def", "BACKEND(exe, ", ROW, "driver/backend.c", "driver/emit_counts.c",
              BACKEND)
