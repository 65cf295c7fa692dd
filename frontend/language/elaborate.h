/* elaborate.h: from the tree to IR. Blocks are inlined where they are called; every name is looked up, every
 * dimension computed, every shape checked on the way.
 *
 * An expression becomes an `item`: a number known now (dimensions, constants), a value of the IR, several of
 * them, or poison after an error, which silences whatever is computed from it. */
#ifndef TERN_FRONTEND_ELABORATE_H
#define TERN_FRONTEND_ELABORATE_H

#include "frontend/language/language.h"
#include "frontend/language/spec_files.h"
#include "support/holes.h"

enum item_kind { ITEM_POISON, ITEM_NUMBER, ITEM_VALUE, ITEM_SEVERAL, ITEM_TEXT, ITEM_LIST, ITEM_BLOCK };

struct block_ref;

struct item {
  enum item_kind kind;
  double number;
  bool boolean; /* NUMBER: true or false, as 1 or 0 */
  struct value *value;
  int64_t from;                /* VALUE, a repeat's index: it counts from here, the value from 0 */
  const char *text;            /* TEXT */
  const struct block_ref *ref; /* BLOCK */
  const struct item *items;    /* SEVERAL, LIST */
  int n;
};

static inline struct item item_poison(void) {
  return (struct item){.kind = ITEM_POISON};
}
static inline struct item item_number(double number) {
  return (struct item){.kind = ITEM_NUMBER, .number = number};
}
static inline struct item item_boolean(bool truth) {
  return (struct item){.kind = ITEM_NUMBER, .number = truth, .boolean = true};
}
/* Poison for NULL, which `build` gives after an error. */
static inline struct item item_value(struct value *v) {
  return (struct item){.kind = v ? ITEM_VALUE : ITEM_POISON, .value = v};
}

/* The path of a tensor, state or instance: "{}" in the text for each hole. Indices of holes are those of the
 * open repeats, outermost first. */
enum { MAX_HOLES = 8 };
struct path {
  const char *text;
  int n;
  struct hole holes[MAX_HOLES];
};

/* What the IR has for a path here: its name, with the indices that its holes need, outermost first. */
struct symbol_path {
  const char *name;
  int n;
  int64_t counts[MAX_REPEATS];
  struct value *index[MAX_REPEATS];
};

/* ELEMENT: the index of an `each`. */
enum binding_kind { BIND_NUMBER, BIND_VARIABLE, BIND_INDEX, BIND_ELEMENT, BIND_STATE, BIND_WEIGHT, BIND_USE };

/* What a dimension or a const of a block is given: a number, and for a const also a string, a list or a
 * block.
 */
struct given {
  const char *name;
  struct item item;
  struct loc at;
};

/* A block, and what it is given so far. */
struct block_ref {
  struct block_node *block;
  VEC(struct given) given;
  struct loc at;              /* where it is named */
  const char *as;             /* the name that stands there for it: its own, a const's or a param's */
  const struct block_ref *of; /* where that name has it from; NULL: it is its own */
};

struct binding {
  enum binding_kind kind;
  struct path path;  /* text: the name; for WEIGHT and USE the whole local path */
  struct path place; /* USE: where its tensors are, below the block's own */
  struct loc at;
  bool *used; /* mark in the tree, for warnings; may be NULL */
  struct item item;
  struct statement *statement; /* WEIGHT, USE, STATE */
  struct type type;            /* WEIGHT, STATE */
  int64_t group;               /* WEIGHT */
  struct beginning begins;     /* WEIGHT */
  struct state *state;         /* STATE */
  struct symbol_path symbol;   /* STATE, and of `scales` */
  struct symbol_path scales_symbol;
  struct state *scales;        /* STATE: a past of codes, the scale of each of its vectors */
  struct item appended;        /* STATE: a past, with this token's row; POISON: append has not stood yet */
  struct loc assigned;         /* STATE: the last assignment; file 0: none */
  const struct block_ref *ref; /* USE; NULL: there is no such block, which has been said */
  int depth;                   /* INDEX: number of its repeat among the open ones */
  bool broken;                 /* an error in its declaration was reported: uses of it are poison */
};

/* One inlined block. */
struct instance {
  struct block_node *block;
  struct path prefix;
  int scope;      /* its first binding */
  struct loc use; /* where it was given its path, for notes; file 0: the model */
  struct instance *parent;
  bool returned;
  struct loc result_at;
  struct item result;
};

struct param {
  const char *name;
  struct item item; /* POISON: its own error was reported */
  struct loc at;
  const char *key; /* of config.json, that it is taken from; NULL: none */
  bool set;        /* by --set */
  bool told;       /* where its number comes from */
};

struct open_repeat {
  struct value *index;
  int64_t count;
};

struct elaborator {
  struct spec_program *program;
  const struct spec_options *options;
  struct arena *arena;
  struct diag *diag;
  struct module *m;
  struct builder b;
  struct instance *instance; /* NULL while params are evaluated */
  struct spec_file *file;    /* whose params and blocks can be named */
  VEC(struct binding *) scope;
  VEC(struct param) params;              /* evaluated so far */
  bool no_config;                        /* that there is no config.json was said */
  VEC(struct open_repeat) repeats;       /* outermost first */
  VEC(struct name) ended;                /* names that ended with a repeat of this instance, for a note */
  int calls;                             /* blocks inlined and iterations unrolled so far */
  struct tensor_owner *weights, *states; /* tensors.c: the tensors so far, by their names */
};

/* ---- messages: scope.c ------------------------------------------------------------------------------- */

void fail(struct elaborator *e, struct loc at, const char *format, ...) __attribute__((format(printf, 3, 4)));
void note(struct elaborator *e, struct loc at, const char *format, ...) __attribute__((format(printf, 3, 4)));
const char *type_of(struct elaborator *e, struct type t);
/* "; did you mean 'x'?" or "". */
const char *suggestion(struct elaborator *e, const char *word, const char *const *candidates, int n);

/* ---- names and paths: scope.c ------------------------------------------------------------------------ */

struct binding *bind(struct elaborator *e, enum binding_kind kind, const char *name, struct loc at,
                     bool *used);
/* Ends all bindings from `from` on. */
void unbind(struct elaborator *e, int from, bool remember);
/* The binding of a plain name among dimensions, variables, indices and states of this instance. */
struct binding *find_name(struct elaborator *e, const char *name);
bool is_path(const struct binding *b); /* a weight or an instance */
/* Nothing has this name: says so, with a suggestion. */
void unknown_name(struct elaborator *e, const struct node *n);
/* The same of a function that is called. */
void unknown_function(struct elaborator *e, const struct node *callee);

/* ---- paths of tensors: paths.c, tensors.c ------------------------------------------------------------- */

/* Whether a node can be a path here: names, fields, indices that are sums of repeats' and whole numbers.
 * Reports what is wrong when `report` says so. */
bool path_of(struct elaborator *e, const struct node *n, struct path *out, bool report);
/* Whether an index is a sum of open repeats' indices, one at least. */
bool index_of_repeats(struct elaborator *e, const struct node *n, struct hole *sum);
/* The weight or the use that a path, or its end, names. NULL: none (no report), or after a report of an
 * ambiguity (*reported). */
struct binding *find_path(struct elaborator *e, const struct node *n, bool *reported);
/* What the branch not taken of a known condition names is used, if not by this model. */
void mention(struct elaborator *e, const struct node *n);
/* The instance's prefix and a local path. False after a report: too many indices. */
bool path_join(struct elaborator *e, struct path local, struct loc at, struct path *out);
struct symbol_path path_symbol(struct elaborator *e, const struct path *path);
/* The tensors that the symbol stands for are nobody else's. False after a report. */
bool claim_weights(struct elaborator *e, const struct symbol_path *s, struct loc at);
bool claim_states(struct elaborator *e, const struct symbol_path *s, struct loc at);
struct item weight_item(struct elaborator *e, struct binding *b, struct loc at);

/* ---- expressions: expr.c ----------------------------------------------------------------------------- */

struct item eval(struct elaborator *e, const struct node *n);
/* The same, exactly one value or number; poison otherwise. */
struct item eval_one(struct elaborator *e, const struct node *n);
/* A number known at compile time. False after a report that says what needs it ("a dimension"). */
bool eval_number(struct elaborator *e, const struct node *n, const char *what, double *number);
/* A whole number from `least` on. */
bool eval_whole(struct elaborator *e, const struct node *n, const char *what, int64_t least, int64_t *whole);
bool eval_type(struct elaborator *e, const struct type_node *t, struct type *out);
/* A number, a string, a list or a block, known now; poison after a report that says what needs it. */
struct item eval_constant(struct elaborator *e, const struct node *n, const char *what);
/* The param of that name, where this file sees one and it has a value or an error. */
bool param_item(struct elaborator *e, const char *name, struct item *item);
/* The same where the element may be one that rows of a past are kept as. */
bool eval_row_type(struct elaborator *e, const struct type_node *t, struct type *out);

/* rows.c: row `index` of x, a u32; where a repeat's index does not count from 0, of the rows from its first
 * one on. Row `h` of x, a sum of repeats' indices. n: the subscript, in `whole`. */
struct item indexed(struct elaborator *e, struct item x, struct item index, const struct node *n,
                    const struct node *whole);
struct item row_of_sum(struct elaborator *e, struct item x, struct hole h, const struct node *n,
                       const struct node *whole);

/* One operator on items: numbers become constants, quantised values are dequantised and indices become
 * numbers (not the operands of MATMUL). `nodes` (may be NULL) are the operands' places, for notes. */
struct item apply(struct elaborator *e, enum opcode code, struct loc at, int n, const struct item *items,
                  const struct node *const *nodes, const struct attrs *attr, const struct type *type);
/* items[0] to the power of items[1], of numbers a number. */
struct item power(struct elaborator *e, struct loc at, const struct item *items,
                  const struct node *const *nodes);
/* The item as an f32 or bool value for an operator; NULL for poison. */
struct value *plain(struct elaborator *e, struct item item, struct loc at);

/* ---- calls: builtins.c, uses.c, blocks.c
 * --------------------------------------------------------------------- */

/* *known: there is a builtin of that name. */
struct item call_builtin(struct elaborator *e, const struct node *n, bool *known);
/* einsum("kd,tkd->tk", a, b): einsum.c */
struct item call_einsum(struct elaborator *e, const struct node *n);
int builtin_names(const char **names, int room);
/* The block's instance `use` (NULL: called by its own name) on the arguments of the call `n`. */
struct item call_block(struct elaborator *e, const struct block_ref *ref, struct binding *use,
                       const struct node *n);
/* Declares path i of a weight or use statement; broken after a report. */
struct binding *bind_path(struct elaborator *e, enum binding_kind kind, struct statement *s, int i);
/* uses.c: the block that an expression names; NULL after a report. */
const struct block_ref *eval_block(struct elaborator *e, const struct node *n);
/* The block that a name stands for: that of a const, a param, or the block of that name; NULL: none. */
const struct block_ref *block_named(struct elaborator *e, const char *name, struct loc at);
/* Adds the names of those that this file sees. */
typedef VEC(const char *) name_texts;
void block_names(struct elaborator *e, name_texts *names);
/* After an error about a block that another name stands for: where. */
void block_note(struct elaborator *e, const struct block_ref *ref);
const struct given *given_named(const struct block_ref *ref, const char *name);
const struct dimension *dimension_named(const struct block_node *b, const char *name);
void declare_use(struct elaborator *e, struct statement *s);
/* After arguments and body of the instance e->instance: its results against their declared types. */
bool match_results(struct elaborator *e, struct block_node *b);

/* ---- what a token sees: past.c ----------------------------------------------------------------------- */

/* The state of that name at the instance's path; NULL after a report. */
struct state *named_state(struct elaborator *e, const struct name *name, struct type t, double init,
                          struct symbol_path *symbol);
/* Whether nothing in this instance has the name; a report otherwise. */
bool name_free(struct elaborator *e, const struct name *name);
void declare_past(struct elaborator *e, struct statement *s);
/* append(NAME, row), position(), age(NAME or a value made of it). *known: it is one of them. */
struct item call_past(struct elaborator *e, const struct node *n, bool *known);
/* What a name of a past stands for; a report where nothing was appended yet. */
struct item past_rows_of(struct elaborator *e, const struct binding *b, struct loc at);

/* ---- statements: statements.c, loops.c, params.c, warnings.c
 * -------------------------------------------------- */

void elaborate_body(struct elaborator *e, const statement_list *body);
void elaborate_loop(struct elaborator *e, struct statement *s); /* loops.c: REPEAT, EACH */
/* The printer's hint for a value that has none yet. */
void name_value(struct item item, const char *name);
/* Writes the states of the instance that ends. */
void finish_states(struct elaborator *e);
/* All params of all files, settings first. */
bool elaborate_params(struct elaborator *e);
/* What `require` and `for` say outside of blocks. False after a report. */
bool elaborate_required(struct elaborator *e, struct spec_file *f);
void elaborate_require(struct elaborator *e, struct statement *s);
/* Where the params and the config() calls in an expression have their values from; of a param once. */
void origin_notes(struct elaborator *e, const struct node *n);

/* ---- what a spec asks of config.json: config.c ------------------------------------------------------- */

/* config("key", default) */
struct item call_config(struct elaborator *e, const struct node *n);
/* length(list) */
struct item call_length(struct elaborator *e, const struct node *n);
/* A number, text or list as messages and specs write it. */
const char *item_text(struct elaborator *e, struct item item);
/* "a number", "a string", ... */
const char *item_noun(struct item item);
/* == and != of texts and lists. */
struct item compare_items(struct elaborator *e, const struct node *n, struct item a, struct item b);
/* What was declared and never used. */
void warn_unused(struct elaborator *e);

#endif
