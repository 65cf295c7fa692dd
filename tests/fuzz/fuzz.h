/* fuzz.h: what the fuzz targets share.
 *
 * A target is a file NAME.c with LLVMFuzzerTestOneInput, which hands one input to one reader and looks at
 * what comes out. It must end in a result or in a message, whatever the bytes are. clang-19 links it with
 * libFuzzer, which looks for inputs that do not (`make fuzz`); replay.c runs it over corpus/NAME with any
 * compiler (`make check`). */
#ifndef TERN_TESTS_FUZZ_H
#define TERN_TESTS_FUZZ_H

#include "ir/ir.h"
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* An arena and diagnostics whose text is made, and goes nowhere, unless replay.c was asked to be loud. */
extern bool fuzz_loud;
struct fuzz {
  struct arena arena;
  struct diag diag;
};
struct fuzz fuzz_begin(void);
void fuzz_end(struct fuzz *f);
FILE *fuzz_nowhere(void);

/* A run that libFuzzer makes picks one of n ways by the bytes of its input; replay.c takes all of them. */
extern bool fuzz_all_ways;
bool fuzz_way(const uint8_t *data, size_t n, unsigned way, unsigned ways);

/* A folder of this process's own, in memory, which goes when it ends; a file of that name in it, and its
 * path. */
const char *fuzz_folder(void);
const char *fuzz_file_in_folder(const char *name, const void *data, size_t n);
/* The path of a file there that holds these bytes until the next call. */
const char *fuzz_file(const uint8_t *data, size_t n);

/* Ends the process with a message when what must hold does not. */
#define fuzz_check(holds) ((holds) ? (void)0 : fuzz_wrong(#holds, __FILE__, __LINE__))
_Noreturn void fuzz_wrong(const char *what, const char *file, int line);

/* Every byte is read, so that a sanitizer looks at it. */
void fuzz_touch(const void *bytes, size_t n);

/* One token through `step`, and three through the other forms, on the interpreter; nothing where that would
 * take long. */
void fuzz_interpret(struct module *m);
/* What one run of the module computes is little. */
bool fuzz_small(const struct module *m);
/* Printed text parses, and prints the same. */
void fuzz_print_parse(const struct module *m);
/* To loops and their text, and C. */
void fuzz_lower(struct fuzz *f, struct module *m);

#endif
