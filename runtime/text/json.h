/* json.h: text as JSON strings (RFC 8259). */
#ifndef TERN_RUNTIME_JSON_H
#define TERN_RUNTIME_JSON_H

#include "runtime/core/base.h"

#include <stdio.h>

/* n bytes as a JSON string. What is not UTF-8 becomes U+FFFD, a byte at a time. */
void print_json_bytes(FILE *out, const char *text, size_t n);
void print_json_text(FILE *out, const char *text);

/* A finite number with 17 digits; null for what JSON has no number for. */
void print_json_real(FILE *out, double value);

#endif
