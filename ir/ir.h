/* ir.h: the intermediate representation. SSA values of tensor type, operators with attributes, regions for
 * repeat, scan and kernel; modules with weights, states and functions. docs/ir.md is the reference.
 *
 * Ownership: everything lives in the module's arena. Errors: structural misuse by the compiler itself is
 * caught by ir_verify; text that a user wrote is checked by ir_parse and the same verifier, with places. */
#ifndef TERN_IR_H
#define TERN_IR_H

#include "support/arena.h"
#include "support/diag.h"
#include "support/rank.h"
#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

struct module;

/* ---- types: type.c ----------------------------------------------------------------------------------- */

/* Element types. Q8 / Q16 are quantised vectors: int8 / int16 codes with one scale for each vector along the
 * last axis; TERNARY is a matrix of -1, 0, 1 with its weight's scales, W2 .. W8 one of wider codes, of so
 * many bits, with its. All vanish from values in ternarize, except matrices as the first operand of
 * ternary_sum. */
enum elem {
  ELEM_BOOL,
  ELEM_U32,
  ELEM_I8,
  ELEM_I16,
  ELEM_I32,
  ELEM_F32,
  ELEM_Q8,
  ELEM_Q16,
  ELEM_TERNARY,
  ELEM_W2,
  ELEM_W3,
  ELEM_W4,
  ELEM_W8,
  ELEM_COUNT
};

/* A dimension that is known only at each call is negative: -1 - d stands for number d of the module's dims.
 * Every module has these three (module_new); others are declared with dim_add. */
enum { DIM_T = -1, DIM_K = -2, DIM_B = -3, DIMS_GIVEN = 3, MOST_DIMS = 32 };

struct type {
  enum elem elem;
  int rank; /* 0: a single element */
  int64_t dim[MAX_RANK];
};

const char *elem_name(enum elem e);
bool elem_parse(const char *name, enum elem *e);
bool elem_integer(enum elem e);  /* i8, i16 or i32 */
bool elem_codes(enum elem e);    /* of a matrix of codes with its weight's scales: ternary, w2 .. w8 */
int elem_code_bits(enum elem e); /* of w2 .. w8; 0: the codes are -1, 0 and 1 */
/* Of codes of type w by elements i8 or i16: so many have a sum that int32 holds, whatever they are. Of
 * ternary ones any number is allowed, and of floats, INT64_MAX. */
int64_t elem_most_products(enum elem w, enum elem x);
bool elem_real(enum elem e); /* f32, or codes over a scale that stand for such: q8, q16, ternary, w2 .. w8 */
int elem_bytes(enum elem e); /* bytes of one element in a buffer; 0 for Q8, Q16 and elem_codes */
struct type type_make(enum elem e, int rank, const int64_t *dim);
struct type type_scalar(enum elem e);
bool type_equal(struct type a, struct type b);
bool type_same_shape(struct type a, struct type b);
/* Number of elements; sizes[d] is that of dimension -1 - d. NULL: those count as 1. */
int64_t type_count(struct type t, const int64_t *sizes);
bool type_dynamic(struct type t); /* has a dimension that is known only at each call */
/* [d...] -> [lead, d...] */
struct type type_lead(struct type t, int64_t lead);
/* Without its first axis. */
struct type type_rest(struct type t);
/* Whether t is one row of `whole`, which is as long as a call. */
bool type_is_row(const struct module *m, struct type t, struct type whole);
/* Whether t is as `whole`, but of one part of what leads that, or a row of it. */
bool type_is_part(const struct module *m, struct type t, struct type whole);
/* The shape that two broadcast to (elem of a); false when they do not. */
bool type_broadcast(struct type a, struct type b, struct type *out);

/* ---- operators: ops.def, op.c ------------------------------------------------------------------------ */

enum opcode {
#define OP(id, text, ins, outs, rule, attrs, flags, doc) OP_##id,
#include "ir/ops.def"
  OP_COUNT
};

enum op_flags {
  PURE = 1,
  MAP = 2,
  REDUCE = 4,
  MOVE = 8,
  COMMUTES = 16,
  REGION = 32,
  END = 64,
  SYMBOL = 128,
  INTEGER = 256,
  COMPOSITE = 512
};
enum attr_flags {
  A_SYMBOL = 1,
  A_NAME = 2,
  A_VALUE = 4,
  A_EPS = 8,
  A_AXIS = 16,
  A_RANGE = 32,
  A_PERM = 64,
  A_COUNT = 128,
  A_BITS = 256,
  A_FRAC = 512,
  A_ROUND = 1024,
  A_GROUP = 2048,
  A_CURVE = 4096,   /* curve, out_frac, segments */
  A_REVERSE = 8192, /* of a region */
  A_PRODUCTS = 16384
};

/* The rounding modes a quantiser can name. TRUNCATE: toward zero; FLOOR: toward minus infinity. */
enum rounding { ROUND_HALF_EVEN, ROUND_HALF_AWAY, ROUND_TRUNCATE, ROUND_FLOOR, ROUND_COUNT };
const char *rounding_name(enum rounding r); /* "half_even", "half_away", "truncate", "floor" */
bool rounding_parse(const char *name, enum rounding *r);

/* How products of a backward pass that have codes on one side are summed (docs/numerics.md). */
enum products { PRODUCTS_FLOAT32, PRODUCTS_BF16, PRODUCTS_COUNT };
const char *products_name(enum products p); /* "float32", "bf16" */
bool products_parse(const char *name, enum products *p);

/* The functions that `curve` knows, each on its domain; ir/curve.h has the table that approximates one. */
enum curve {
  CURVE_SIGMOID,       /* 1 / (1 + e^-x) on [-16, 16) */
  CURVE_EXP2,          /* 2^x on [0, 1) */
  CURVE_LOG2,          /* log2(1 + x) on [0, 1) */
  CURVE_SOFTPLUS_TAIL, /* log(1 + e^-x) on [0, 16) */
  CURVE_COUNT
};
const char *curve_name(enum curve c); /* "sigmoid", "exp2", "log2", "softplus_tail" */
bool curve_parse(const char *name, enum curve *c);

/* Only the members that the operator's row names mean anything; the rest are zero, so that attributes compare
 * whole. */
struct attrs {
  const char *symbol; /* weight or state */
  const char *name;   /* kernel: its name, unique in the module */
  double value;       /* const */
  double eps;
  int axis;           /* from 0; never negative */
  int64_t begin, end; /* slice */
  int perm[MAX_RANK];
  int64_t count; /* repeat */
  int bits;      /* quantize: 2 .. 16; codes: 2 .. 31; integer operators: 2 .. 32 */
  int frac; /* quantize: fraction bits of a static scale; FRAC_DYNAMIC: absmax of each vector; curve: of a */
  enum rounding round;
  enum curve curve;
  int out_frac, segments; /* curve: fraction bits of the result; log2 of the number of pieces */
  int64_t group;          /* ternary_sum: columns that share a sum; 0: the whole row. nth: iterations of the
                             inner repeat. repeat: the dimension of parts that it goes through; 0: none */
  enum products products; /* ternary_back, outer */
  bool reverse;           /* repeat, scan: from the last index or token to the first */
};
enum { FRAC_DYNAMIC = -128 };

/* The format of integers: the real number is integer * 2^-frac. An annotation of values, weights and states,
 * for whoever reads or converts them; what the operators do to the integers does not depend on it. */
enum { FRAC_NONE = -1000, FRAC_LEAST = -120, FRAC_MOST = 64 }; /* float32 reaches 2^128 */

struct op_info {
  const char *text, *rule, *doc;
  int ins, outs;
  unsigned attrs, flags;
};
extern const struct op_info op_info[OP_COUNT];
bool opcode_parse(const char *text, enum opcode *code);

/* ---- values, operators, blocks ----------------------------------------------------------------------- */

struct op;
struct block;

/* Places of values: a byte offset in scratch from 0 on, no place, or at AT_OUTPUT - k the caller's buffer of
 * result k. */
enum { AT_NONE = -1, AT_OUTPUT = -2 };

struct value {
  struct type type;
  struct op *def;        /* the operator that makes it, or NULL: an argument of `block` */
  struct block *block;   /* where it is defined */
  int index;             /* which result, or which argument */
  const char *name;      /* a hint from the spec for the printer; may be NULL */
  int frac;              /* of integers; FRAC_NONE: no format is known */
  int64_t at;            /* plan-memory: the place of its buffer, as above */
  double most;           /* largest magnitude that a calibration saw; 0: none did (passes/fixed/ranges.h) */
  double tried;          /* the same of a trial with made-up tokens */
  struct value *instead; /* while a pass replaces operators (forward_op): what stands for it */
  bool poisoned;         /* a builder could not make it, and has reported why; see build() */
  int id; /* scratch number for whoever walks (printer, interpreter, back ends); of no lasting value */
};

struct op {
  enum opcode code;
  struct loc at; /* where in the spec it comes from */
  struct attrs attr;
  int n_in, n_out;
  struct value **in, **out;
  struct block *body;  /* REGION operators */
  struct block *block; /* where it stands */
  struct op *prev, *next;
  int id; /* scratch number for whoever walks; of no lasting value */
};

struct block {
  struct op *first, *last;
  struct op *parent; /* the region operator it is the body of, or NULL: a function's body */
  int n_args;
  struct value **args;
};

/* What a function returns, beside the operand of its `return`. */
struct result {
  const char *name;
  int updates; /* the argument whose buffer it is written into, as what that becomes; -1: it has its own */
};

/* An entry point of the model: its arguments (named as their values are) and results are the caller's
 * buffers, and this signature is the whole contract: back ends and the runtime know no more. "fold" is none:
 * it computes folded weights from weights when a checkpoint is read. The runtime of language models looks for
 * "step" (u32) -> [vocab], one token; "prefill" (u32[T]) -> [K, vocab], tokens of one sequence; and "batch"
 * (u32[B]) -> [B, vocab], a token of each of several. */
struct func {
  const char *name;
  struct block *body;
  VEC(struct result) results; /* none: what it returns is called "logits" */
  bool spread;                /* spread: laid out for threads that share each kernel or repeat it */
  int64_t scratch;            /* plan-memory: bytes of scratch; -1: not planned */
  struct func *next;
};

/* How a weight's numbers are stored in the image (plan-memory chooses; runtime/kernels/ has the layouts). */
enum storage {
  STORE_NONE,
  STORE_F32,
  STORE_F16,
  STORE_BF16,
  STORE_TILE2,
  STORE_TILE3,
  STORE_TILE4,
  STORE_TILE8,
  STORE_I8,
  STORE_I16,
  STORE_I32,
  STORE_COUNT
};
/* "none" "f32" "f16" "bf16" "tile2" "tile3" "tile4" "tile8" "i8" "i16" "i32" */
const char *storage_name(enum storage s);
bool storage_packed(enum storage s); /* packed codes, a tileN */
bool storage_parse(const char *name, enum storage *s);

enum weight_origin {
  WEIGHT_LOADED, /* a tensor of the checkpoint */
  WEIGHT_FOLDED, /* computed by the function `fold` when the checkpoint is read */
  WEIGHT_MERGED  /* the rows of `parts`, one after another */
};
enum weight_scale { WSCALE_TENSOR, WSCALE_ROW, WSCALE_GROUP };

/* Where the number c comes from that a weight's codes stand for, W = c * code; s = 1 / c
 * (docs/numerics.md). */
enum scale_rule {
  RULE_AUTO,    /* none is written: stored codes as config.json says, ternary floats by their mean, others by
                   their largest */
  RULE_MEAN,    /* mean|W| of the scale's elements */
  RULE_LARGEST, /* max|W| of them, over the largest code */
  RULE_STORED,  /* c is a tensor beside the codes */
  RULE_INVERSE, /* s is */
  RULE_COUNT
};
const char *scale_rule_name(enum scale_rule r);              /* "auto" "mean" "largest" "stored" "inverse" */
bool scale_rule_parse(const char *name, enum scale_rule *r); /* not "auto", which is nowhere written */

/* What a model does with a weight that is trained: what it begins as where no checkpoint says, and whether it
 * decays (passes/training/roles.c). */
enum weight_role {
  ROLE_NONE,   /* nothing has asked */
  ROLE_MATRIX, /* a factor of a matrix product */
  ROLE_TABLE,  /* rows that tokens look up */
  ROLE_GAIN,   /* a vector that is multiplied element by element, such as a norm's */
  ROLE_FILTER, /* the same of more axes, such as a convolution's */
  ROLE_BIAS,   /* any other */
  ROLE_COUNT
};
const char *weight_role_name(enum weight_role r); /* "none" "matrix" "table" "gain" "filter" "bias" */
bool weight_role_parse(const char *name, enum weight_role *r); /* not "none", which is nowhere written */

/* The numbers of a weight that no checkpoint gives: normal, or all the mean where the deviation is 0. */
struct beginning {
  bool given; /* by the spec, or by find_roles */
  double mean, deviation;
};

enum { MAX_REPEATS = 2 }; /* nesting of repeats */

/* Partial results of a float sum along the last axis (docs/numerics.md), on every engine. */
enum { LANES = 16 };

/* A weight of the model. Inside repeats it stands for one tensor an iteration: each hole of the name, "{}" or
 * "{4i+j}" (support/holes.h), is replaced by a number, counts[] has the trip counts, outermost first.
 * Instance number = i, or i * counts[1] + j. */
struct weight {
  const char *name;
  struct type type; /* of one instance: f32, ternary; folded also i8, i16, i32 */
  int frac;         /* of integers; FRAC_NONE elsewhere */
  int n_counts;
  int64_t counts[MAX_REPEATS];
  enum weight_origin origin;
  bool trained; /* functions may `define` it anew: its memory is written while the model runs */
  enum weight_role role;
  struct beginning begins;
  const char *tensor;      /* LOADED: the checkpoint's name where it is not `name`; else NULL */
  enum weight_scale scale; /* ternary */
  enum scale_rule rule;    /* ternary */
  int64_t group;           /* WSCALE_GROUP: columns a scale */
  int n_parts;
  const char **parts; /* WEIGHT_MERGED: names of weights with the same counts */
  bool known;         /* a checkpoint was looked at: */
  double lo, hi;      /* range of a float weight's numbers, of a ternary weight's scales s */
  int64_t widest;     /* the instance that has the one of lo and hi with the larger magnitude */
  struct loc at;
  enum storage
      source; /* the checkpoint's type of a float tensor when one is at hand (driver), else STORE_NONE */
  /* plan-memory: */
  enum storage stored; /* STORE_NONE: no kernel reads it, it is not in the image */
  int64_t offset;      /* of instance 0, bytes from the start of the weights; -1: not planned */
  int64_t scales; /* ternary: offset of instance 0's scales (f32: 1, m or m * groups of them); -1: none */
  int64_t stride; /* bytes from one instance to the next, for both */
  struct weight *next;
  UT_hash_handle hh; /* of module.weight_names */
};

struct state {
  const char *name; /* as in struct weight */
  struct type
      type; /* f32, i8, i16 or i32; a first axis that is known only at each call: as long as a call's */
  int frac; /* of integers; FRAC_NONE elsewhere */
  int n_counts;
  int64_t counts[MAX_REPEATS];
  double init;         /* every element's value before the first token */
  enum storage stored; /* STORE_NONE: as its type. STORE_BF16, of f32: a write rounds each number to bfloat16,
                          half to even */
  /* The function that it belongs to: it lies in that one's scratch, as long as a call, and holds nothing
   * between two calls. NULL: it is of the sequence. */
  const char *within;
  struct loc at;
  int64_t offset, stride; /* plan-memory: bytes in a sequence's state, or in scratch; -1: not planned */
  int id;                 /* as in struct value */
  struct state *next;
  UT_hash_handle hh; /* of module.state_names */
};

/* A dimension of tokens that a token sees: of those of its sequence so far, itself among them, the oldest
 * first. A token that is number p of its sequence sees p + 1 of them. */
enum dim_past {
  PAST_NONE,    /* it is no such */
  PAST_HISTORY, /* all of them, at most `most` */
  PAST_WINDOW   /* the last `most` of them, or as many as there are */
};

/* A dimension that is known only at each call. */
struct dim {
  const char *name;
  int64_t most;   /* the largest that it gets; 0: not decided yet. Buffers are planned for it */
  int64_t within; /* it counts the last of that other dimension, as K those of T; 0: it stands by itself */
  bool sequences; /* its elements are each of a sequence of its own: states have a row for each */
  /* It counts those of one part of that other dimension, in a repeat that goes through the parts: `most`, but
   * for the last, which has what is left. 0: it is no such. */
  int64_t parts;
  enum dim_past past;
};

struct policy; /* policy.h */

/* A parameter of the spec and its value, kept for --info. */
struct dim_param {
  const char *name;
  double value;
  const char *key; /* of config.json, that it is taken from; NULL: none */
  bool boolean;    /* there it is true or false */
};

/* One that is a text: it has chosen among the spec's forms. */
struct text_param {
  const char *name, *text;
};

struct module {
  struct arena *arena;
  struct diag *diag;
  const char *name; /* the model's */
  const char *spec; /* file name of the spec, relative to its own folder */
  VEC(struct dim_param) params;
  VEC(struct text_param) texts;
  const char
      *config; /* text of the config.json that goes with checkpoints of a training; NULL: nobody asked */
  struct weight *weights, *last_weight; /* in order of first use */
  struct state *states, *last_state;
  struct weight *weight_names; /* the same by name: weight_find */
  struct state *state_names;
  struct func *funcs;
  int64_t weights_bytes, state_bytes; /* plan-memory; -1: not planned */
  /* T, K and B first: the tokens of a call, the last of them that are wanted, and tokens that are each of a
   * sequence of its own. */
  VEC(struct dim) dims;
  enum storage packing;        /* how all ternary weights are packed; STORE_NONE: each has its own */
  const struct policy *policy; /* what it is planned for */
  int next_kernel;             /* for unique kernel names */
};

/* ---- building: build.c ------------------------------------------------------------------------------- */

struct module *module_new(struct arena *a, struct diag *d, const char *name);
struct func *func_add(struct module *m, const char *name); /* appended */
struct func *func_find(const struct module *m, const char *name);
bool func_is_fold(const struct func *f); /* no entry: runs when the checkpoint is read */
/* Of what the function returns, from 0. */
struct result func_result(const struct func *f, int i);
/* Whether an argument or a result has the dimension. */
bool func_has_dim(const struct func *f, int64_t dim);
/* The dimension that is of sequences among them, or 0: the function works on one sequence. */
int64_t func_sequences(const struct module *m, const struct func *f);
/* Whether there is a dimension at all that is known only at each call. */
bool func_dynamic(const struct func *f);
struct weight *weight_add(struct module *m, const char *name,
                          struct type t);                             /* NULL when the name is taken */
struct weight *weight_find(const struct module *m, const char *name); /* NULL: there is none */
struct state *state_add(struct module *m, const char *name, struct type t);
int64_t state_size(const struct module *m, const struct state *s); /* of one instance, without alignment */
int state_element_bytes(const struct state *s);
struct state *state_find(const struct module *m, const char *name);
/* Takes those away for which keep() is false; true when there was one. */
bool weights_keep(struct module *m, bool (*keep)(const struct weight *w, void *data), void *data);
bool states_keep(struct module *m, bool (*keep)(const struct state *s, void *data), void *data);
int64_t weight_instances(const struct weight *w); /* product of counts */
/* Of a dimension below 0, as types have it. */
struct dim *dim_of(const struct module *m, int64_t dim);
/* 0: the module has none of that name. */
int64_t dim_find(const struct module *m, const char *name);
/* Whether it is one of tokens that a token sees: such values stand where one token is at hand, in a function
 * that takes one, or in a scan. */
bool dim_is_past(const struct module *m, int64_t dim);
bool type_is_past(const struct module *m, struct type t);
/* The rows of a state's memory whose first axis is `dim`: as many as there are tokens in a history; of a
 * window twice a ring, in which a row lies at its number modulo the ring's length and once more a ring later,
 * so that those that a token sees lie one after another, for each token of a call. */
int64_t past_ring(const struct module *m, int64_t dim); /* of a window; 0: of a history */
int64_t past_rows(const struct module *m, int64_t dim);
/* The dimension of parts, of `most` each, of another: added if there is none. 0: as dim_add. */
int64_t dim_parts(struct module *m, int64_t of, int64_t most);
/* Whether the value is the index of a repeat through the parts of `of`, of `most` each. */
bool is_part_index(const struct module *m, const struct value *v, int64_t of, int64_t most);
/* The new dimension, as types have it, or 0 when the name is taken or there are MOST_DIMS. */
int64_t dim_add(struct module *m, const char *name);
/* Number of elements of a value when dimensions are at their most. */
int64_t most_count(const struct module *m, struct type t);
/* "f32[T, 256]"; a single element prints as "f32". In the arena. m: whose dimensions they are; NULL for a
 * type that is not dynamic. */
const char *type_text(struct arena *a, const struct module *m, struct type t);
/* A weight's or state's name with the numbers of the instance's indices in its holes. */
const char *symbol_instance(struct arena *a, const char *name, int n_counts, const int64_t *counts,
                            int64_t instance);

/* The checkpoint's name of an instance's tensor. */
const char *weight_tensor(struct arena *a, const struct weight *w, int64_t instance);

struct block *block_new(struct module *m, struct op *parent);
struct value *block_arg(struct module *m, struct block *b, struct type t, const char *name);

/* Where new operators go: before `before`, or at the end of `block` when it is NULL. */
struct builder {
  struct module *m;
  struct block *block;
  struct op *before;
  struct loc at; /* given to the operators made */
};
struct builder builder_end(struct module *m, struct block *b);
struct builder builder_before(struct module *m, struct op *op);
struct builder builder_after(struct module *m, struct op *op);

/* The general maker: result types from the operator's rule; operators with rule `carried`, `reshape`,
 * `broadcast` and `symbol` take theirs from `type` (NULL elsewhere). The result has a frac where the operator
 * keeps its operands' format: movement, reductions, select, sums of alike; weights and states. Regions get
 * an empty body; their results are added by op_set_results.
 *
 * Never NULL. Operands that do not fit are reported at b->at, and the result is poisoned: it stands where it
 * would stand and has the type that was wanted, or else an operand's, so that whoever goes on building need
 * not look at it; what is made of it is poisoned too, without another report. The module is then of no
 * further use: passes_run ends, the verifier never sees it. */
struct op *build(struct builder *b, enum opcode code, int n_in, struct value *const *in,
                 const struct attrs *attr, const struct type *type);
/* The value, or NULL where it is poisoned: for those that have more to say. */
struct value *sound(struct value *v);
/* What a builder without an operator of its own gives after its report. */
struct value *build_poison(struct builder *b, struct type t);
/* Shorthands that return the one result. */
struct value *build1(struct builder *b, enum opcode code, struct value *x);
struct value *build2(struct builder *b, enum opcode code, struct value *x, struct value *y);
struct value *build3(struct builder *b, enum opcode code, struct value *x, struct value *y, struct value *z);
struct value *build_const(struct builder *b, double value, struct type t);
struct value *build_axis(struct builder *b, enum opcode code, struct value *x,
                         int axis);                                             /* SUM, SOFTMAX, ... */
struct value *build_reshape(struct builder *b, struct value *x, struct type t); /* also BROADCAST via build */
struct value *build_slice(struct builder *b, struct value *x, int axis, int64_t begin, int64_t end);
void op_set_results(struct module *m, struct op *op, int n, const struct type *types);

/* The dimension that a scan goes along: its operands' first one, or its results'. */
int64_t scan_lead(const struct op *scan);
/* Of an operator that changes a state or a weight (write, define, outer, scatter): its operands before the
 * indices. 0: it changes none. */
int op_changes(enum opcode code);
/* What a function of runtime/kernels computes by itself, a product or the codes of a ternary weight: it
 * stands outside kernels after `fuse`. */
bool op_is_product(const struct op *op);
bool op_takes_matrix(
    const struct op *op); /* operand 0 is a weight as it lies in memory; of `matmul` any matrix */

/* ---- changing: edit.c -------------------------------------------------------------------------------- */

void op_unlink(struct op *op); /* takes it out of its block; stays allocated */
void op_move_before(struct op *op, struct op *place);
void op_move_end(struct op *op, struct block *b);
void replace_uses(struct block *in, struct value *old,
                  struct value *new); /* in the block and all bodies in it */
int count_uses(const struct block *in, const struct value *v);
bool value_defined_inside(const struct value *v, const struct block *b); /* in b or in a body in it */
/* Values used in the body of `region` that are defined outside it, each once, in order of first use. */
int captured_values(struct arena *a, const struct op *region, struct value ***out);
/* A copy of op (with its body) at the builder; map[] from value id is the caller's: old values with an entry
 * in `from` become `to`. */
struct value_map {
  VEC(struct value *) from;
  VEC(struct value *) to;
  struct mapped *table; /* the newest entry of each value; none while there are few */
};
void map_put(struct arena *a, struct value_map *map, struct value *from, struct value *to);
struct value *map_value(const struct value_map *map, struct value *v); /* v itself when it has no entry */
bool map_has(const struct value_map *map, const struct value *v);
struct op *op_clone(struct builder *b, const struct op *op, struct value_map *map);
/* Calls f on every operator of a block and of the bodies in it, in order; f may unlink the operator it is
 * given. */
void walk(struct block *b, void (*f)(struct op *op, void *data), void *data);
bool op_same(const struct op *a,
             const struct op *b); /* code, operands, attributes, result types and formats; no region */

/* ---- text: print.c, parse.c -------------------------------------------------------------------------- */

/* Numbers values in order of definition (%0, %1, ...; with the spec's name where there is one: %h.3) and
 * prints. What is printed parses back to a module that prints the same. Kernel bodies and plans included. */
void ir_print(const struct module *m, FILE *out);
/* Declarations of it, a line each. */
void ir_print_params(const struct module *m, FILE *out);
void ir_print_weight(const struct weight *w, FILE *out);
void ir_print_state(const struct module *m, const struct state *s, FILE *out);
/* NULL after diagnostics. The result is verified. */
struct module *ir_parse(struct arena *a, struct diag *d, uint16_t file);

/* ---- checking: infer.c, verify.c --------------------------------------------------------------------- */

/* The result types by the operator's rule (op->out[] types are read only for `carried` rules). False with a
 * message in the arena at *why when operands or attributes do not fit. */
bool op_infer(struct arena *a, const struct module *m, const struct op *op, struct type *out,
              const char **why);
/* Every rule of docs/ir.md: types, dominance, one definition, block ends, symbols, attributes, regions, plans
 * that do not overlap. Reports at the operator's place, prefixed with `after` ("after fuse: ..."; NULL for
 * none). */
bool ir_verify(const struct module *m, const char *after);

#endif
