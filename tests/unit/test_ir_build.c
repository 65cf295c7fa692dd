/* test_ir_build.c: building and editing modules: what does not fit is refused, clones are whole. */
#include "tests/unit/ir_bench.h"
#include "tests/unit/ir_file.h"

static struct type vector(int64_t n) {
  return type_make(ELEM_F32, 1, &n);
}

/* What does not fit is reported once; what is made of it goes on without a word. */
static void builders_poison(void **state) {
  (void)state;
  struct bench *b = bench_new();
  struct module *m = module_new(&b->arena, &b->diag, "m");
  struct func *f = func_add(m, "step");
  struct builder at = builder_end(m, f->body);
  struct value *x = block_arg(m, f->body, vector(8), "x"), *z = block_arg(m, f->body, vector(3), "z");
  struct value *slice = build_slice(&at, x, 0, 2, 9);
  assert_non_null(strstr(said(b), "slice: 2 .. 9 is not a part of axis 0 of f32[8]"));
  assert_true(slice->poisoned && !sound(slice) && slice->def->block == f->body);
  assert_true(type_equal(slice->type, vector(8)));
  assert_true(type_equal(build_reshape(&at, slice, vector(4))->type, vector(4)));
  assert_null(sound(build1(&at, OP_EXP, build_reshape(&at, slice, vector(4)))));
  assert_int_equal(b->diag.errors, 1);
  assert_null(sound(build2(&at, OP_ADD, x, z)));
  assert_int_equal(b->diag.errors, 2);
  assert_ptr_equal(sound(x), x);
  bench_free(b);
}

static void building_checks_shapes(void **state) {
  (void)state;
  struct bench *b = bench_new();
  struct module *m = module_new(&b->arena, &b->diag, "m");
  struct func *f = func_add(m, "step");
  struct builder at = builder_end(m, f->body);
  struct value *x = block_arg(m, f->body, vector(8), "x");
  struct value *y = build2(&at, OP_MUL, x, build_const(&at, 2, type_scalar(ELEM_F32)));
  assert_true(type_equal(y->type, vector(8)));
  assert_true(type_equal(build_axis(&at, OP_SUM, y, 0)->type, vector(1)));
  assert_true(type_equal(build_slice(&at, y, 0, 2, 5)->type, vector(3)));
  build(&at, OP_RETURN, 1, &y, NULL, NULL);
  int ops = 0;
  for (struct op *op = f->body->first; op; op = op->next)
    ops++;
  assert_int_equal(ops, 5);
  assert_true(ir_verify(m, NULL));
  f->body->first->attr.value = 3;
  f->body->last->in[0] = NULL; /* a use of a value that is nowhere */
  struct value nowhere = {.type = vector(8), .id = 99};
  f->body->last->in[0] = &nowhere;
  assert_false(ir_verify(m, "simplify"));
  assert_non_null(strstr(said(b), "after simplify: return: operand 1 is not defined before it"));
  bench_free(b);
}

static void clones_are_whole(void **state) {
  (void)state;
  struct bench *b = bench_new();
  struct module *m = parse(b, ir_file("copied"));
  assert_non_null(m);
  struct block *body = m->funcs->body;
  struct op *repeat = body->first;
  struct value **captured, *x = body->args[0], *z = body->args[1];
  assert_int_equal(captured_values(&b->arena, repeat, &captured), 1);
  assert_ptr_equal(captured[0], z);
  assert_int_equal(count_uses(body, z), 2);
  struct value_map map = {0};
  map_put(&b->arena, &map, z, x);
  struct builder at = builder_after(m, repeat);
  struct op *copy = op_clone(&at, repeat, &map);
  assert_ptr_equal(map_value(&map, repeat->out[0]), copy->out[0]);
  assert_int_equal(count_uses(body, z), 2);
  assert_int_equal(count_uses(copy->body, x), 2);
  assert_true(op_same(repeat->body->first->next, repeat->body->first->next));
  assert_false(op_same(repeat->body->first->next, copy->body->first->next));
  replace_uses(body, repeat->out[0], copy->out[0]);
  assert_ptr_equal(body->last->in[0], copy->out[0]);
  op_unlink(repeat);
  assert_true(ir_verify(m, NULL));
  op_move_end(copy, body); /* after return */
  assert_false(ir_verify(m, NULL));
  bench_free(b);
}

static void names_of_instances(void **state) {
  (void)state;
  struct arena a = {0};
  assert_string_equal(symbol_instance(&a, "m.{}.e.{}.w", 2, (int64_t[]){6, 4}, 11), "m.2.e.3.w");
  assert_string_equal(symbol_instance(&a, "m.{}.w", 1, (int64_t[]){6}, 5), "m.5.w");
  assert_string_equal(symbol_instance(&a, "plain", 0, NULL, 0), "plain");
  assert_string_equal(symbol_instance(&a, "m.{4i+j+3}.w", 2, (int64_t[]){6, 4}, 11), "m.14.w");
  assert_string_equal(symbol_instance(&a, "m.{j}.e.{-i+5}.w", 2, (int64_t[]){6, 4}, 11), "m.3.e.3.w");
  arena_free(&a);
}

static void shapes_stretch(void **state) {
  (void)state;
  struct arena a = {0};
  struct module *m = module_new(&a, NULL, "m");
  struct type t, wide = type_make(ELEM_F32, 2, (int64_t[]){DIM_T, 1}), row = vector(7);
  assert_true(type_broadcast(wide, row, &t));
  assert_string_equal(type_text(&a, m, t), "f32[T, 7]");
  assert_int_equal(type_count(t, (int64_t[]){5, 2, 3}), 35);
  assert_false(type_broadcast(type_make(ELEM_F32, 1, (int64_t[]){DIM_T}), row, &t));
  assert_false(type_broadcast(type_make(ELEM_F32, 1, (int64_t[]){DIM_T}),
                              type_make(ELEM_F32, 1, (int64_t[]){DIM_K}), &t));
  arena_free(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(builders_poison),  cmocka_unit_test(building_checks_shapes),
      cmocka_unit_test(clones_are_whole), cmocka_unit_test(names_of_instances),
      cmocka_unit_test(shapes_stretch),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
