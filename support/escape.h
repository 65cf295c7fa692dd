/* escape.h: a user's names and texts inside text of other languages, one function a place and language.
 * Whatever the text, what comes back is one token, one string or a piece of one comment of that language and
 * nothing else. Generated Makefiles hold names made by c_prefix and verilog_name only; programs get paths as
 * arguments, never through make or a shell. JSON is Jansson's. */
#ifndef TERN_SUPPORT_ESCAPE_H
#define TERN_SUPPORT_ESCAPE_H

#include "support/arena.h"
#include <stdbool.h>
#include <stdio.h>

/* ---- identifiers -------------------------------------------------------------------------------------
 *
 * ASCII letters, digits and _ stay, every other byte becomes _, a digit in front gets _ before it, and a word
 * that the language, its library or our own files have for themselves gets _ behind it. Names that consist of
 * such characters alone and differ stay different; of others, struct name_set keeps them apart. Names of more
 * than NAME_LONGEST bytes end in a hash of the whole. */
enum { NAME_LONGEST = 100 };

/* An identifier of C and C++ that no header of C or POSIX declares. */
const char *c_name(struct arena *a, const char *text);
/* What is put before other names, as in NAME_open, which is then no function of POSIX; also the name of a C
 * project's or library's files. Words of C alone are fine here: int_open is an identifier. */
const char *c_prefix(struct arena *a, const char *text);
/* An identifier of Verilog and SystemVerilog, of no module of our library and of no word that Verilator keeps
 * for C++; also a file's name in a hardware project. */
const char *verilog_name(struct arena *a, const char *text);
/* Of a design's top module: has no two underscores in a row, and differs where the texts do. Its other
 * modules are named by it, two underscores and what they are (NAME__core), so that no module of one design is
 * one of another. */
const char *verilog_design_name(struct arena *a, const char *text);
bool is_verilog_keyword(const char *name);

/* Names of one scope that are all different. {0} is empty; lives in an arena. */
struct name_set {
  struct taken_name *names; /* a hash table */
};
/* `name`, or `name`_2, `name`_3, ... when it is taken. */
const char *name_unique(struct arena *a, struct name_set *set, const char *name);
void name_set_clear(struct name_set *set);

/* ---- texts ------------------------------------------------------------------------------------------- */

/* For the inside of a comment of C, Verilog or make, whether it ends with its line or not. */
const char *comment_text(struct arena *a, const char *text);
/* A string literal of C with its quotes; of Verilog, without quotes, where `format` says whether $display and
 * its like read it as a format. */
const char *c_string(struct arena *a, const char *text);
const char *verilog_string(struct arena *a, const char *text, bool format);
/* One word of a POSIX shell, for a command that is shown. */
const char *shell_word(struct arena *a, const char *text);
/* For a message to the user, in its line: what is not seen is written as JSON escapes it (\n, \t, \u001b),
 * and bytes that are not UTF-8 as \xff. Text from files gets into messages through this alone. */
const char *message_text(struct arena *a, const char *text);
const char *message_bytes(struct arena *a, const char *text, size_t n);
/* Whether a character would move a terminal's cursor, change its colours or turn text around. */
bool is_harmful(int32_t c);
/* The inside of an element or of a quoted attribute of HTML and SVG: the first n bytes of the text. */
void html_text(FILE *out, const char *text, size_t n);

#endif
