/* gen.h: what the files that grow a random model share. Each step draws an operator and operands that fit it
 * from what was made so far; model.c grows floats, integers.c integers beside them. */
#ifndef TERN_TESTS_RANDOM_GEN_H
#define TERN_TESTS_RANDOM_GEN_H

#include "tests/random/random_model.h"

struct pool {
  VEC(struct value *) at;
};

struct gen {
  struct module *m;
  struct builder b;
  uint64_t random;
  struct pool floats, integers; /* f32; i8, i16, i32 */
  struct value *layer;          /* index of the repeat around, or NULL */
  int64_t layers;
  int names;
  bool looks;   /* back, at what tokens see: such a model has no integers (--fixed) */
  bool chooses; /* matrices by computed indices: it has no training step */
};

uint64_t next_random(uint64_t *s);                  /* splitmix64 */
int below(struct gen *g, int n);                    /* 0 .. n - 1 */
struct value *any(struct gen *g);                   /* of the floats */
struct value *keep(struct gen *g, struct value *v); /* in the pool of its kind */
int64_t odd_size(struct gen *g);
struct value *vector(struct gen *g); /* of the floats, or one made of a value of another shape */
struct value *weight(struct gen *g, struct type t);
struct state *new_state(struct gen *g, const char *what, struct type t);
struct value *read_state(struct gen *g, const struct state *s);
void write_state(struct gen *g, const struct state *s, struct value *new);
/* Some movement of a value of at least one axis; NULL where the draw has none for it. */
struct value *moved(struct gen *g, struct value *x);

/* past.c: draws one step that looks back. */
void look(struct gen *g);

/* integers.c: draws one step. There are integers after the first one. */
void grow_integers(struct gen *g);
struct value *any_integer(struct gen *g);
/* i32[1], of all that the last integers hold: they are then all needed. */
struct value *mixed_integers(struct gen *g);
/* i32[vocab], with a format. */
struct value *integer_logits(struct gen *g, int64_t vocab);

#endif
