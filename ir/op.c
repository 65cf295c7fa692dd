/* op.c: what ops.def says of each operator, as a table; and the names of rounding modes, curves and storage
 * forms. */
#include "ir/ir.h"

#include <string.h>

const struct op_info op_info[OP_COUNT] = {
#define OP(id, text, ins, outs, rule, attrs, flags, doc)                                                     \
  [OP_##id] = {text, #rule, doc, ins, outs, attrs, flags},
#include "ir/ops.def"
};

/* The place of `name` in names[n], or -1. */
static int find_name(const char *const *names, int n, const char *name) {
  for (int i = 0; i < n; i++)
    if (strcmp(names[i], name) == 0)
      return i;
  return -1;
}

bool opcode_parse(const char *text, enum opcode *code) {
  for (int i = 0; i < OP_COUNT; i++)
    if (strcmp(op_info[i].text, text) == 0) {
      *code = (enum opcode)i;
      return true;
    }
  return false;
}

static const char *const products_names[PRODUCTS_COUNT] = {"float32", "bf16"};

const char *products_name(enum products p) {
  return products_names[p];
}

bool products_parse(const char *name, enum products *p) {
  int i = find_name(products_names, PRODUCTS_COUNT, name);
  if (i >= 0)
    *p = (enum products)i;
  return i >= 0;
}

static const char *const roundings[ROUND_COUNT] = {"half_even", "half_away", "truncate", "floor"};

const char *rounding_name(enum rounding r) {
  return roundings[r];
}

bool rounding_parse(const char *name, enum rounding *r) {
  int i = find_name(roundings, ROUND_COUNT, name);
  if (i >= 0)
    *r = (enum rounding)i;
  return i >= 0;
}

static const char *const curves[CURVE_COUNT] = {"sigmoid", "exp2", "log2", "softplus_tail"};

const char *curve_name(enum curve c) {
  return curves[c];
}

bool curve_parse(const char *name, enum curve *c) {
  int i = find_name(curves, CURVE_COUNT, name);
  if (i >= 0)
    *c = (enum curve)i;
  return i >= 0;
}

static const char *const storages[STORE_COUNT] = {"none",  "f32",   "f16", "bf16", "tile2", "tile3",
                                                  "tile4", "tile8", "i8",  "i16",  "i32"};

const char *storage_name(enum storage s) {
  return storages[s];
}

bool storage_parse(const char *name, enum storage *s) {
  int i = find_name(storages, STORE_COUNT, name);
  if (i >= 0)
    *s = (enum storage)i;
  return i >= 0;
}

static const char *const rules[RULE_COUNT] = {"auto", "mean", "largest", "stored", "inverse"};

const char *scale_rule_name(enum scale_rule r) {
  return rules[r];
}

bool scale_rule_parse(const char *name, enum scale_rule *r) {
  int i = find_name(rules, RULE_COUNT, name);
  if (i > RULE_AUTO)
    *r = (enum scale_rule)i;
  return i > RULE_AUTO;
}

static const char *const roles[ROLE_COUNT] = {"none", "matrix", "table", "gain", "filter", "bias"};

const char *weight_role_name(enum weight_role r) {
  return roles[r];
}

bool weight_role_parse(const char *name, enum weight_role *r) {
  int i = find_name(roles, ROLE_COUNT, name);
  if (i > ROLE_NONE)
    *r = (enum weight_role)i;
  return i > ROLE_NONE;
}

bool storage_packed(enum storage s) {
  return s == STORE_TILE2 || s == STORE_TILE3 || s == STORE_TILE4 || s == STORE_TILE8;
}
