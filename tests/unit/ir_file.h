/* ir_file.h: modules of the tests in files of their own, tests/unit/ir/NAME.tir. */
#ifndef TERN_TESTS_IR_FILE_H
#define TERN_TESTS_IR_FILE_H

#include "support/diag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct ir_file {
  struct ir_file *next;
  char *name, *text;
};

static struct ir_file *ir_files; /* those that were read: kept until the process ends */

static inline struct ir_file *ir_file_read(const char *name) {
  struct ir_file *file = calloc(1, sizeof *file);
  size_t bytes = 0;
  char path[512];
  assert_non_null(file);
  snprintf(path, sizeof path, "%s/tests/unit/ir/%s.tir", TERN_SOURCE, name);
  FILE *in = fopen(path, "r"), *out = open_memstream(&file->text, &bytes);
  if (!in)
    fail_msg("cannot read %s", path);
  for (int c; (c = getc(in)) != EOF;)
    putc(c, out);
  fclose(in), fclose(out);
  file->name = strdup(name);
  file->next = ir_files;
  return ir_files = file;
}

/* The text of a file; the test fails when it is not there. */
static inline const char *ir_file(const char *name) {
  struct ir_file *file = ir_files;
  while (file && strcmp(file->name, name) != 0)
    file = file->next;
  return (file ? file : ir_file_read(name))->text;
}

/* The file as what is parsed: messages name it. */
static inline uint16_t ir_file_source(struct diag *d, const char *name) {
  char path[256];
  const char *text = ir_file(name);
  snprintf(path, sizeof path, "%s.tir", name);
  return diag_add_source(d, path, text, strlen(text));
}

#endif
