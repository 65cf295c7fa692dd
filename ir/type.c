/* type.c: element types and shapes: names, sizes, equality, text, broadcasting.
 *
 * A type is a plain value. A dimension is a positive number, or a negative one that names a dimension which
 * is known only at each call: that equals only itself. */
#include "ir/ir.h"

#include <stdio.h>
#include <string.h>

static const struct {
  const char *name;
  int bytes;
} elems[ELEM_COUNT] = {
    [ELEM_BOOL] = {"bool", 1},       [ELEM_U32] = {"u32", 4}, [ELEM_I8] = {"i8", 1}, [ELEM_I16] = {"i16", 2},
    [ELEM_I32] = {"i32", 4},         [ELEM_F32] = {"f32", 4}, [ELEM_Q8] = {"q8", 0}, [ELEM_Q16] = {"q16", 0},
    [ELEM_TERNARY] = {"ternary", 0}, [ELEM_W2] = {"w2", 0},   [ELEM_W3] = {"w3", 0}, [ELEM_W4] = {"w4", 0},
    [ELEM_W8] = {"w8", 0},
};

const char *elem_name(enum elem e) {
  return elems[e].name;
}

bool elem_parse(const char *name, enum elem *e) {
  for (int i = 0; i < ELEM_COUNT; i++)
    if (strcmp(elems[i].name, name) == 0) {
      *e = (enum elem)i;
      return true;
    }
  return false;
}

bool elem_integer(enum elem e) {
  return e == ELEM_I8 || e == ELEM_I16 || e == ELEM_I32;
}

bool elem_codes(enum elem e) {
  return e == ELEM_TERNARY || elem_code_bits(e) > 0;
}

int elem_code_bits(enum elem e) {
  switch (e) {
  case ELEM_W2: return 2;
  case ELEM_W3: return 3;
  case ELEM_W4: return 4;
  case ELEM_W8: return 8;
  default: return 0;
  }
}

int64_t elem_most_products(enum elem w, enum elem x) {
  int bits = elem_code_bits(w);
  if (bits == 0 || x == ELEM_F32)
    return INT64_MAX;
  return INT32_MAX / (((int64_t)1 << (bits - 1)) * (x == ELEM_I8 ? 128 : 32768));
}

bool elem_real(enum elem e) {
  return e == ELEM_F32 || e == ELEM_Q8 || e == ELEM_Q16 || elem_codes(e);
}

int elem_bytes(enum elem e) {
  return elems[e].bytes;
}

struct type type_make(enum elem e, int rank, const int64_t *dim) {
  struct type t = {.elem = e, .rank = rank};
  for (int i = 0; i < rank; i++)
    t.dim[i] = dim[i];
  return t;
}

struct type type_scalar(enum elem e) {
  return (struct type){.elem = e};
}

bool type_same_shape(struct type a, struct type b) {
  if (a.rank != b.rank)
    return false;
  for (int i = 0; i < a.rank; i++)
    if (a.dim[i] != b.dim[i])
      return false;
  return true;
}

bool type_equal(struct type a, struct type b) {
  return a.elem == b.elem && type_same_shape(a, b);
}

int64_t type_count(struct type t, const int64_t *sizes) {
  int64_t n = 1;
  for (int i = 0; i < t.rank; i++)
    n *= t.dim[i] >= 0 ? t.dim[i] : sizes ? sizes[-1 - t.dim[i]] : 1;
  return n;
}

struct type type_lead(struct type t, int64_t lead) {
  struct type l = {.elem = t.elem, .rank = t.rank + 1, .dim = {lead}};
  for (int i = 0; i < t.rank; i++)
    l.dim[1 + i] = t.dim[i];
  return l;
}

struct type type_rest(struct type t) {
  struct type rest = {.elem = t.elem, .rank = t.rank - 1};
  for (int i = 0; i < rest.rank; i++)
    rest.dim[i] = t.dim[i + 1];
  return rest;
}

bool type_dynamic(struct type t) {
  for (int i = 0; i < t.rank; i++)
    if (t.dim[i] < 0)
      return true;
  return false;
}

bool type_broadcast(struct type a, struct type b, struct type *out) {
  struct type t = {.elem = a.elem, .rank = a.rank > b.rank ? a.rank : b.rank};
  for (int k = 1; k <= t.rank; k++) { /* k-th axis from the last */
    int64_t x = k <= a.rank ? a.dim[a.rank - k] : 1, y = k <= b.rank ? b.dim[b.rank - k] : 1;
    if (x != y && x != 1 && y != 1)
      return false;
    t.dim[t.rank - k] = x == 1 ? y : x;
  }
  *out = t;
  return true;
}
