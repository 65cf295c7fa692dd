/* test_layout.c: whatever a stored weight or a state has makes another layout, and other saved states. */
#include "ir/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A new member that code or image depend on is printed by ir_print_weight or ir_print_state, and is changed
 * in the tables below; then correct these sizes. A state `within` a function is none of a sequence: no saved
 * state has it. */
_Static_assert(sizeof(struct type) == 48 && sizeof(struct weight) == 248 + sizeof(UT_hash_handle) &&
                   sizeof(struct state) == 152 + sizeof(UT_hash_handle),
               "a member is new or gone: change it in the tables of this test");

struct bench {
  struct arena arena;
  struct diag diag;
  struct module *m;
  struct weight *ternary, *integers, *merged;
  struct state *state;
};

static void make_weights(struct bench *b) {
  struct module *m = b->m;
  static const char *parts[] = {"a", "b"};
  b->ternary = weight_add(m, "t{}.w", type_make(ELEM_TERNARY, 2, (int64_t[]){32, 64}));
  b->ternary->n_counts = 1;
  b->ternary->counts[0] = 2;
  b->ternary->scale = WSCALE_GROUP;
  b->ternary->group = 32;
  b->integers = weight_add(m, "i", type_make(ELEM_I16, 1, (int64_t[]){32}));
  b->integers->frac = 7;
  b->integers->origin = WEIGHT_FOLDED;
  b->merged = weight_add(m, "m", type_make(ELEM_TERNARY, 2, (int64_t[]){32, 64}));
  b->merged->origin = WEIGHT_MERGED;
  b->merged->n_parts = 2;
  b->merged->parts = parts;
  b->ternary->stored = b->merged->stored = STORE_TILE2;
  b->integers->stored = STORE_I16;
  b->ternary->offset = 0, b->ternary->scales = 2048, b->ternary->stride = 1024;
  b->integers->offset = 3072;
  b->merged->offset = 3200, b->merged->scales = 3584;
}

static void start(struct bench *b) {
  memset(b, 0, sizeof *b);
  b->m = module_new(&b->arena, &b->diag, "m");
  vec_push(&b->arena, b->m->params, (struct dim_param){.name = "hidden", .value = 32});
  make_weights(b);
  b->state = state_add(b->m, "s{}", type_make(ELEM_I32, 1, (int64_t[]){16}));
  b->state->frac = 9;
  b->state->n_counts = 1;
  b->state->counts[0] = 2;
  b->state->init = 3;
  b->state->offset = 0;
  b->state->stride = 64;
  b->m->weights_bytes = 4096;
  b->m->state_bytes = 256;
}

static void end(struct bench *b) {
  arena_free(&b->arena);
  diag_free(&b->diag);
}

/* One line a change: where = value. */
#define CHANGE(name, ...)                                                                                    \
  static void name(struct bench *b) {                                                                        \
    __VA_ARGS__;                                                                                             \
  }
static const char *other_parts[] = {"a", "c"};
CHANGE(weight_name, b->ternary->name = "t{}.v")
CHANGE(weight_elem, b->integers->type.elem = ELEM_I8)
CHANGE(weight_rank, b->integers->type = type_lead(b->integers->type, 1))
CHANGE(weight_dims, (b->ternary->type.dim[0] = 64, b->ternary->type.dim[1] = 32))
CHANGE(weight_frac, b->integers->frac = 8)
CHANGE(weight_no_frac, b->integers->frac = FRAC_NONE)
CHANGE(weight_depth, b->ternary->n_counts = 2; b->ternary->counts[1] = 1)
CHANGE(weight_counts, b->ternary->counts[0] = 3)
CHANGE(weight_origin, b->integers->origin = WEIGHT_LOADED)
CHANGE(weight_scale, b->ternary->scale = WSCALE_ROW)
CHANGE(weight_group, b->ternary->group = 16)
CHANGE(weight_rule, b->ternary->rule = RULE_LARGEST)
CHANGE(weight_of, b->ternary->tensor = "u{}.w")
CHANGE(weight_role, b->ternary->role = ROLE_MATRIX)
CHANGE(weight_begins, b->ternary->begins = (struct beginning){.given = true, .mean = 1})
CHANGE(weight_deviation, b->ternary->begins = (struct beginning){true, 0, 0.5})
CHANGE(weight_parts, b->merged->parts = other_parts)
CHANGE(weight_n_parts, b->merged->n_parts = 1)
CHANGE(weight_stored, b->ternary->stored = STORE_TILE3)
CHANGE(weight_offset, b->integers->offset = 3136)
CHANGE(weight_scales, b->ternary->scales = 2112)
CHANGE(weight_stride, b->ternary->stride = 2048)
CHANGE(weights_bytes, b->m->weights_bytes = 8192)
CHANGE(state_name, b->state->name = "r{}")
CHANGE(state_elem, b->state->type.elem = ELEM_F32)
CHANGE(state_shape, b->state->type = type_make(ELEM_I32, 2, (int64_t[]){4, 4}))
CHANGE(state_frac, b->state->frac = 10)
CHANGE(state_depth, b->state->n_counts = 2; b->state->counts[1] = 1)
CHANGE(state_counts, b->state->counts[0] = 1)
CHANGE(state_init, b->state->init = 3.0000000000000004)
CHANGE(state_offset, b->state->offset = 64)
CHANGE(state_stride, b->state->stride = 128)
CHANGE(state_bytes, b->m->state_bytes = 512)
CHANGE(state_more, state_add(b->m, "r", type_scalar(ELEM_F32)))
CHANGE(model_name, b->m->name = "n")
CHANGE(param_name, b->m->params.at[0].name = "inner")
CHANGE(param_value, b->m->params.at[0].value = 32.000000000000007)
/* and what neither code nor image depend on */
CHANGE(weight_place, b->ternary->at.line = 9)
CHANGE(weight_range, (b->integers->known = true, b->integers->hi = 3, b->integers->widest = 1))
CHANGE(weight_source, b->integers->source = STORE_F16)
CHANGE(weight_unused, weight_add(b->m, "u", type_scalar(ELEM_F32))->stored = STORE_NONE)
CHANGE(state_id, b->state->id = 4)
CHANGE(most_tokens, dim_of(b->m, DIM_T)->most = 5)
CHANGE(most_sequences, dim_of(b->m, DIM_B)->most = 5)

enum { LAYOUT = 1, STATE = 2 };

static const struct row {
  const char *name;
  void (*change)(struct bench *b);
  int differs;
} rows[] = {
#define ROW(name, differs) {#name, name, differs}
    ROW(weight_name, LAYOUT | STATE),
    ROW(weight_elem, LAYOUT | STATE),
    ROW(weight_rank, LAYOUT | STATE),
    ROW(weight_dims, LAYOUT | STATE),
    ROW(weight_frac, LAYOUT | STATE),
    ROW(weight_no_frac, LAYOUT | STATE),
    ROW(weight_depth, LAYOUT | STATE),
    ROW(weight_counts, LAYOUT | STATE),
    ROW(weight_origin, LAYOUT | STATE),
    ROW(weight_scale, LAYOUT | STATE),
    ROW(weight_group, LAYOUT | STATE),
    ROW(weight_rule, LAYOUT | STATE),
    ROW(weight_of, LAYOUT | STATE),
    ROW(weight_role, LAYOUT | STATE),
    ROW(weight_begins, LAYOUT | STATE),
    ROW(weight_deviation, LAYOUT | STATE),
    ROW(weight_parts, LAYOUT | STATE),
    ROW(weight_n_parts, LAYOUT | STATE),
    ROW(weight_stored, LAYOUT | STATE),
    ROW(weight_offset, LAYOUT | STATE),
    ROW(weight_scales, LAYOUT | STATE),
    ROW(weight_stride, LAYOUT | STATE),
    ROW(weights_bytes, LAYOUT | STATE),
    ROW(state_name, STATE),
    ROW(state_elem, STATE),
    ROW(state_shape, STATE),
    ROW(state_frac, STATE),
    ROW(state_depth, STATE),
    ROW(state_counts, STATE),
    ROW(state_init, STATE),
    ROW(state_offset, STATE),
    ROW(state_stride, STATE),
    ROW(state_bytes, STATE),
    ROW(state_more, STATE),
    ROW(model_name, STATE),
    ROW(param_name, STATE),
    ROW(param_value, STATE),
    ROW(weight_place, 0),
    ROW(weight_range, 0),
    ROW(weight_source, 0),
    ROW(weight_unused, 0),
    ROW(state_id, 0),
    ROW(most_tokens, 0),
    ROW(most_sequences, 0),
};

static void test_every_member_counts(void **state) {
  (void)state;
  struct bench b, changed;
  start(&b);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    start(&changed);
    rows[i].change(&changed);
    int differs = (layout_hash(b.m) != layout_hash(changed.m) ? LAYOUT : 0) |
                  (state_hash(b.m) != state_hash(changed.m) ? STATE : 0);
    if (differs != rows[i].differs)
      fail_msg("%s: %d, expected %d", rows[i].name, differs, rows[i].differs);
    end(&changed);
  }
  end(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_member_counts)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
