/* engine.h: a module that runs in this process. engines.def has the rows of the engines; `ternc run` knows
 * them through this table alone. */
#ifndef TERN_DRIVER_ENGINE_H
#define TERN_DRIVER_ENGINE_H

#include "driver/recipe.h"
#include "runtime/core/image.h"
#include "runtime/model.h"

struct engine {
  const char *name;
  const struct engine_row *row;
  const struct tern_model *model;
  const struct image
      *image; /* that goes with the model, where the engine has one of its own; NULL: the module's */
  void *own;  /* what open_... made, for close_... */
};

struct engine_row {
  const char *name, *help;
  const char *option; /* that chooses it; NULL: --engine NAME does */
  bool judge;         /* it says what the others must give: --compare is not for it, --float64 is */
  struct recipe recipe;
  /* Makes e->model of j->module, or j->loops. False after a diagnostic; what is made by then is closed. */
  bool (*open)(struct engine *e, struct job *j, const struct loops *loops);
  void (*close)(struct engine *e);
  /* Writes float64 logits of the ids of a file, `chunk` tokens a call. NULL: it has none. */
  bool (*wide_logits)(struct job *j, const char *tokens, const char *out, int chunk);
};
extern const struct engine_row engine_rows[];
extern const int engine_count;
/* Of --engine (NULL: the first), or of an option. NULL: there is none. */
const struct engine_row *engine_find(const char *name);
const struct engine_row *engine_of_option(const char *option);
/* "native|c", a constant. */
#define ENGINE_WORDS (engine_words + 1)
extern const char engine_words[];

/* False after a diagnostic. */
bool engine_open(struct engine *e, struct job *j, const struct loops *loops, const struct engine_row *row);
void engine_close(struct engine *e);

/* The module's image in memory, as a mapped file of no name. */
bool image_in_memory(struct job *j, struct image *im);

#define ENGINE(function, ...)                                                                                \
  bool open_##function(struct engine *e, struct job *j, const struct loops *loops);                          \
  void close_##function(struct engine *e);
#define CHOSEN(function, ...) ENGINE(function, __VA_ARGS__)
#include "driver/engines.def"
bool this_machine(struct job *j);
bool any_compiler(struct job *j);
bool interpret_wide_logits(struct job *j, const char *tokens, const char *out, int chunk);

#endif
