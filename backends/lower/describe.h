/* describe.h: struct tern_model of runtime/model.h, and all that it points to, as tables of constants. Both
 * code generators print these tables and look at nothing else of the model beside its kernels and schedules.
 */
#ifndef TERN_BACKENDS_DESCRIBE_H
#define TERN_BACKENDS_DESCRIBE_H

#include "backends/lower/loops.h"

/* By the rows of runtime/model.def. */
enum member_kind { MEMBER_U32, MEMBER_I32, MEMBER_U64, MEMBER_TEXT, MEMBER_POINTER };
struct member {
  enum member_kind kind;
  const char *name;
};

/* A structure of model.h. */
struct record {
  const char *type; /* "struct tern_entry" */
  int n;
  const struct member *members;
};
extern const struct record record_args, record_model;

enum cell_kind {
  CELL_NUMBER, /* number: of a U32, I32 or U64; of a pointer 0, NULL */
  CELL_TEXT,   /* text */
  CELL_TABLE,  /* the address of the table's first row */
  CELL_KERNEL, /* the function of loops->kernels' number `number` */
  CELL_ENTRY,  /* the function of loops->entries' number `number` */
  CELL_BETTER  /* the model of the next better CPU level, or NULL: the back end knows */
};
struct cell {
  enum cell_kind kind;
  uint64_t number; /* negative ones in two's complement */
  const char *text;
  const struct table *table;
};

struct table {
  const char *name; /* unique in the description, a C identifier */
  const struct record *record;
  int n_rows;         /* at least 1 */
  struct cell *cells; /* [n_rows, record->n] */
};

struct description {
  VEC(struct table *) tables; /* each refers only to those before it */
  struct cell *model;         /* [record_model.n] */
};

/* What the back end says of its code. */
struct code_facts {
  const char *target;   /* "C11", or triple and CPU */
  const char *features; /* what it needs of a processor, or NULL: unknown */
  uint32_t threads;     /* by default; 0: as many as the model is large enough for */
};

/* In the arena. */
struct description describe(struct arena *a, const struct loops *l, const struct code_facts *code);

#endif
