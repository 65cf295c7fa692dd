/* ast.h: the parsed form of a spec: what the grammar makes and the elaborator walks.
 *
 * Everything lives in the compilation's arena and is never changed after parsing, except for the marks that
 * the elaborator leaves for its warnings (`used`) and to keep one mistake from being reported for every
 * instance of a block (`failed`). */
#ifndef TERN_FRONTEND_AST_H
#define TERN_FRONTEND_AST_H

#include "ir/ir.h"

/* Nesting of expressions, counted by their height: deeper ones are refused, so that walking one never runs
 * out of stack. */
enum { AST_MAX_HEIGHT = 256, AST_MAX_NESTING = 64 };

enum node_kind {
  NODE_NUMBER,
  NODE_STRING,
  NODE_NAME,
  NODE_FIELD,  /* a . text */
  NODE_INDEX,  /* a [ args ] */
  NODE_RANGE,  /* a : b in an index; either may be NULL */
  NODE_CALL,   /* a ( args ) */
  NODE_NEGATE, /* - a */
  NODE_NOT,    /* not a */
  NODE_BINARY, /* a op b */
  NODE_CHOICE, /* a ? b : c */
  NODE_LIST,   /* [ args ]: a shape, or a list to compare with */
  NODE_GIVEN,  /* a [ bindings ]: a block with what it is given */
  NODE_ERROR   /* stands for what did not parse */
};

enum binary {
  BINARY_ADD,
  BINARY_SUB,
  BINARY_MUL,
  BINARY_DIV,
  BINARY_MOD,
  BINARY_MATMUL,
  BINARY_POW,
  BINARY_LT,
  BINARY_LE,
  BINARY_GT,
  BINARY_GE,
  BINARY_EQ,
  BINARY_NE,
  BINARY_AND,
  BINARY_OR,
  BINARY_COUNT
};
extern const char *const binary_text[BINARY_COUNT];

struct argument {
  const char *name; /* NULL: by position */
  struct loc at;    /* of the name, or of the value */
  struct node *value;
};
typedef VEC(struct argument) argument_list;

struct node {
  enum node_kind kind;
  enum binary binary;
  int height;
  struct loc at;
  struct loc op_at; /* BINARY: the operator's own place */
  double number;
  const char *text;
  struct node *a, *b, *c;
  argument_list args;
  struct bindings *given; /* GIVEN */
};
typedef VEC(struct node *) node_list;

/* What stands in brackets behind a block's name: [in -> out, name = number]. */
struct bindings {
  node_list in, out;
  bool arrow;
  argument_list named;
  struct loc at;
};

/* A name that a statement introduces. */
struct name {
  const char *text;
  struct loc at;
  bool used; /* mark of the elaborator */
};
typedef VEC(struct name *) name_list;

struct type_node {
  enum elem elem;
  enum storage stored; /* of a row of a past: STORE_BF16, STORE_I8; else STORE_NONE */
  node_list dims;
  struct loc at;
};
typedef VEC(struct type_node *) type_list;

enum statement_kind {
  STATEMENT_WEIGHT,
  STATEMENT_STATE,
  STATEMENT_USE,
  STATEMENT_ASSIGN,
  STATEMENT_REPEAT,
  STATEMENT_EACH, /* a repeat that is unrolled */
  STATEMENT_RETURN,
  STATEMENT_REQUIRE
};

struct scale_node {
  enum weight_scale kind;
  struct node *group; /* WSCALE_GROUP */
  struct loc at;      /* file 0: none was written */
  enum scale_rule rule;
  struct loc rule_at; /* file 0: no rule was written */
};

struct declared_path {
  struct node *path;
  bool used;
};

struct statement;
typedef VEC(struct statement *) statement_list;

struct statement {
  enum statement_kind kind;
  struct loc at;
  VEC(struct declared_path *) paths; /* WEIGHT, USE */
  name_list names;                   /* STATE, ASSIGN: targets; REPEAT, EACH: the index */
  struct type_node *type;            /* WEIGHT, STATE */
  enum dim_past past;      /* STATE: then values has the number of rows, and type is that of a row */
  struct scale_node scale; /* WEIGHT */
  struct node *block;      /* USE */
  bool placed;             /* USE: `at` says where the tensors are: */
  struct node *place;      /* a path, or NULL: `.`, the block's own */
  node_list values; /* STATE: initial; WEIGHT: none, or the same; ASSIGN; REPEAT, EACH: the count, or from and
                       to; RETURN: results; REQUIRE */
  const char *message; /* REQUIRE: what to say when a value is false, or NULL */
  bool failed;         /* REQUIRE: mark of the elaborator: it was reported */
  statement_list body; /* REPEAT, EACH */
  bool entered;        /* REPEAT, EACH: mark of the elaborator: its body was looked at */
};

struct parameter { /* of a block: x: f32[n] */
  struct name name;
  struct type_node *type;
};

/* A name in a block's own brackets, a number, a string, a list or a block: [taps = 4]. */
struct block_const {
  struct name name;
  struct node *value; /* default; NULL: `use` must give it */
};

/* A dimension variable: a bare name in a parameter's or result's type that is nothing else. */
struct dimension {
  const char *name;
  struct loc at;
  bool of_result; /* no argument binds it: `use` does */
};

struct spec_file;

struct block_node {
  struct name name;
  struct spec_file *file;
  struct loc at;
  bool is_model;
  VEC(struct block_const *) consts;
  VEC(struct parameter *) params;
  type_list results;
  statement_list body;
  struct loc end;             /* the closing brace */
  VEC(struct dimension) dims; /* found when all params are known */
  bool used, failed;          /* marks of the elaborator */
  int active;                 /* how many of its instances are being elaborated: more than 0 inside itself */
};

struct param_node {
  struct name name;
  struct node *value;
};

struct import_node {
  const char *path; /* from the importing file; by name: from the library's folder */
  const char *name; /* std.norms; NULL: a path was given */
  struct loc at;
};

enum { MAX_FILES = 256 };

/* One file. `sees` says whose params and blocks it can name: its own and those of what it imports. */
struct spec_file {
  const char *path;    /* as diagnostics show it */
  const char *real;    /* to know it again */
  uint16_t number;     /* in the diag */
  struct loc imported; /* the import that brought it in; file 0: the main file */
  bool open;           /* being read: an import of it is a cycle */
  bool chain_shown;    /* the import chain was printed with an error in it */
  bool sees[MAX_FILES];
  VEC(struct param_node *) params;
  VEC(struct block_node *) blocks; /* models too */
  VEC(struct import_node) imports;
  VEC(struct name) kinds;  /* `for`: what config.json calls the models that this spec is for */
  statement_list required; /* REQUIRE outside blocks */
};

/* ---- making: ast.c ----------------------------------------------------------------------------------- */

struct node *node_new(struct arena *a, enum node_kind kind, struct loc at);
/* Height from the operands; kind becomes NODE_ERROR when it is above AST_MAX_HEIGHT. */
struct node *node_seal(struct node *n);
/* From the first byte of `from` to the end of `to`; up to the end of the line when they lie on two. */
struct loc loc_span(struct loc from, struct loc to);

/* Prints a file as a tree, one node a line. */
void ast_print(const struct spec_file *f, FILE *out);
/* An expression as the spec would write it, for messages. In the arena. */
const char *node_text(struct arena *a, const struct node *n);

#endif
