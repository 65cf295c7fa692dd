"""new_pass.py BUILD ROOT DIR: a ternc with one more pass, DIR/ternc.

What docs/internals.md asks of a new pass, a file and a row in passes.def, and nothing else: the file and the table of
passes are compiled beside a copy of passes.def with that row, and linked before the libraries that BUILD has.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
sys.dont_write_bytecode = True
import new_row  # noqa: E402

build, root, out = (os.path.abspath(path) for path in sys.argv[1:])
PASS = """#include "passes/pass.h"

bool pass_rename(struct module *m, const struct pass_context *c) {
  (void)c;
  m->name = "renamed";
  return true;
}
"""
ROW = 'PASS(rename, "rename", IN(chip), NO_PLAN, "gives the module another name")\n'

new_row.build(build, root, out, "passes/passes.def", "PASS(plan_memory,", ROW, "passes/pass.c", "passes/rename.c", PASS)
