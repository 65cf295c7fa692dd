/* cases.h: small models, tests/unit/ir/NAME.tir, that together use every operator a kernel may hold, on odd
 * sizes, every axis and up to five axes. The tests of loops and of generated C lower them and compare with
 * the interpreter. Each has the form "step"; `passes` makes the rest. */
#ifndef TERN_TESTS_C_CASES_H
#define TERN_TESTS_C_CASES_H

#include "tests/unit/ir_file.h"

struct kernel_case {
  const char *name, *passes;
};

#define MANY "batch-time,fuse,spread,dce,plan-memory" /* with the many-token form */

static const struct kernel_case kernel_cases[] = {
    {"kernel_unary_operators", MANY},
    {"kernel_binary_operators", MANY},
    {"kernel_reductions", MANY},
    {"kernel_sign_of_largest_zero", MANY},
    {"kernel_movement", MANY},
    {"kernel_products", "ternarize,norm-scale,batch-time,fuse,plan-memory"},
    {"kernel_nested_recurrences", MANY},
    {"kernel_window_and_matrix_state", MANY},
    {"kernel_long_vectors", MANY},
    {"kernel_split_gate_and_shared_norms", MANY},
    {"kernel_integer_operators", MANY},
    {"kernel_integer_states_and_sums", MANY},
    {"kernel_condition_in_memory", ""},
    {"kernel_integer_rows_at_run_time", "fuse,plan-memory"},
    {"kernel_five_axes", ""},
};

#endif
