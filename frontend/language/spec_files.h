/* spec_files.h: the files of a spec, and who sees whose names. */
#ifndef TERN_FRONTEND_LANGUAGE_SPEC_FILES_H
#define TERN_FRONTEND_LANGUAGE_SPEC_FILES_H

#include "frontend/language/ast.h"

struct spec_program {
  struct arena *arena;
  struct diag *diag;
  const char *library;           /* the folder of what is imported by name; NULL: none */
  VEC(struct spec_file *) files; /* the main file first */
  VEC(struct spec_file *) order; /* what is imported before what imports it */
};

/* Reads `path` and all that it imports. False after diagnostics. */
bool program_read(struct spec_program *p, const char *path);

/* The file of an import by name; NULL after a diagnostic. */
const char *library_file(struct spec_program *p, const struct import_node *import);

/* An error in a spec. In an imported file the imports that led there follow, once a file. */
void program_error(struct spec_program *p, struct loc at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void program_note(struct spec_program *p, struct loc at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Shows the chain after an error that was reported by other means. */
void program_chain(struct spec_program *p, struct loc at);

/* What `from` can name; NULL: nothing of that name. */
struct block_node *program_block(const struct spec_program *p, const struct spec_file *from,
                                 const char *name);
struct param_node *program_param(const struct spec_program *p, const struct spec_file *from,
                                 const char *name);

#endif
