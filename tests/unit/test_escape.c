/* A user's names and texts in generated text: support/escape.h. What is escaped is given to the compilers and
 * simulators themselves, which must read back the text that went in. */
#include "support/escape.h"
#include "support/words.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const nasty[] = {"",
                                    "*/ int x; /*",
                                    "/* open",
                                    "**//",
                                    "two\nlines\r\n",
                                    "\"quoted\" 'too'",
                                    "`touch X`; $(touch Y) $HOME %s %d %%",
                                    "blank and\ttab",
                                    "ends in a backslash \\",
                                    "t\xc3\xbcr \xd0\xbc \xe2\x80\xae reversed",
                                    "not UTF-8: \xff\xfe",
                                    "what?\?/",
                                    "?\?\?\?=",
                                    "?\?/",
                                    "<b title='x\">&amp;",
                                    "`include \"/etc/passwd\"",
                                    "\\101 \\n \\x41"};
enum { NASTY = sizeof nasty / sizeof *nasty };

struct place {
  char dir[32];
  struct arena a;
};

static void begin(struct place *p) {
  *p = (struct place){.dir = "/tmp/tern-escape-XXXXXX"};
  assert_non_null(mkdtemp(p->dir));
}

static void end(struct place *p) {
  assert_int_equal(system(arena_printf(&p->a, "rm -rf %s", p->dir)), 0);
  arena_free(&p->a);
}

static const char *in(struct place *p, const char *name) {
  return arena_printf(&p->a, "%s/%s", p->dir, name);
}

static void write_file(struct place *p, const char *name, const char *text) {
  FILE *f = fopen(in(p, name), "wb");
  assert_non_null(f);
  fputs(text, f);
  assert_int_equal(fclose(f), 0);
}

/* Runs in the folder; what it prints. */
static char *output_of(struct place *p, const char *command) {
  enum { ROOM = 1 << 16 };
  char *text = arena_alloc(&p->a, ROOM);
  FILE *f = popen(arena_printf(&p->a, "cd %s && { %s; } 2>&1", p->dir, command), "r");
  assert_non_null(f);
  fread(text, 1, ROOM - 1, f);
  int status = pclose(f);
  if (status)
    fail_msg("%s: %s", command, text);
  return text;
}

/* ---- names ------------------------------------------------------------------------------------------- */

static void each_word(struct arena *a, const char *list, void (*check)(struct arena *a, const char *word)) {
  char *copy = arena_strdup(a, list), *rest = copy;
  for (char *word; (word = strsep(&rest, " "));)
    if (*word)
      check(a, word);
}

/* The word itself and the word with an underscore behind it are two names, and neither is the word. */
static void c_word_differs(struct arena *a, const char *word) {
  const char *x = c_name(a, word), *y = c_name(a, arena_printf(a, "%s_", word));
  assert_string_not_equal(x, word);
  assert_string_not_equal(x, y);
}

static void verilog_word_differs(struct arena *a, const char *word) {
  const char *x = verilog_name(a, word), *y = verilog_name(a, arena_printf(a, "%s_", word));
  assert_string_not_equal(x, word);
  assert_string_not_equal(x, y);
}

static void words(void **state) {
  (void)state;
  struct arena a = {0};
  each_word(&a, c_words, c_word_differs);
  each_word(&a, verilog_keywords, verilog_word_differs);
  each_word(&a, verilog_words, verilog_word_differs);
  assert_string_equal(c_name(&a, "hidden"), "hidden");
  assert_string_equal(verilog_name(&a, "hidden"), "hidden");
  assert_string_equal(verilog_name(&a, "edges"), "edges");
  assert_string_equal(verilog_name(&a, "tern_add"), "tern_add_");
  assert_string_equal(verilog_design_name(&a, "alpha_core"), "alpha_core");
  static const char *const designs[] = {"a",    "a_",    "a__",    "a__core", "a___core", "a_core",
                                        "edge", "edge_", "edge__", "__a",     "_a"};
  for (int i = 0; i < 11; i++) {
    assert_null(strstr(verilog_design_name(&a, designs[i]), "__"));
    for (int k = 0; k < i; k++)
      assert_string_not_equal(verilog_design_name(&a, designs[i]), verilog_design_name(&a, designs[k]));
  }
  assert_string_equal(c_prefix(&a, "int"), "int"); /* int_open */
  assert_string_equal(c_prefix(&a, "sem"), "sem_");
  assert_string_equal(c_prefix(&a, "runtime"), "runtime_");
  assert_true(is_verilog_keyword("endmodule"));
  assert_false(is_verilog_keyword("endmodul"));
  assert_false(is_verilog_keyword("always comb"));
  assert_false(is_verilog_keyword(""));
  arena_free(&a);
}

static void identifiers(void **state) {
  (void)state;
  struct arena a = {0};
  char text[400];
  for (int i = 0; i < NASTY; i++)
    for (int k = 0; k < 3; k++) {
      const char *s = (k == 0 ? c_name : k == 1 ? c_prefix : verilog_name)(&a, nasty[i]);
      assert_true(isalpha((unsigned char)*s) || *s == '_');
      assert_int_equal(strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"),
                       strlen(s));
    }
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  const char *x = c_name(&a, text), *y = (text[200] = 'y', c_name(&a, text));
  assert_int_equal(strlen(x), NAME_LONGEST);
  assert_string_not_equal(x, y);
  assert_string_equal(c_name(&a, "2x"), "_2x");
  arena_free(&a);
}

static void names_of_a_scope(void **state) {
  (void)state;
  struct arena a = {0};
  struct name_set set = {0};
  const char *x = name_unique(&a, &set, verilog_name(&a, "a.b")),
             *y = name_unique(&a, &set, verilog_name(&a, "a_b")), *z = name_unique(&a, &set, "a_b_2");
  assert_string_equal(x, "a_b");
  assert_string_equal(y, "a_b_2");
  assert_string_equal(z, "a_b_2_2");
  name_set_clear(&set);
  arena_free(&a);
}

/* ---- texts ------------------------------------------------------------------------------------------- */

/* A C file with every text as a string, in both kinds of comments and with every name; it prints the strings.
 */
static void c_reads_texts(void **state) {
  (void)state;
  struct place p;
  begin(&p);
  const char *source = "#include <stdio.h>\n", *printed = "", *wanted = "";
  for (int i = 0; i < NASTY; i++) {
    source = arena_printf(&p.a, "%s/* %s */ int a%d; // %s\nint b%d;\n", source, comment_text(&p.a, nasty[i]),
                          i, comment_text(&p.a, nasty[i]), i);
    printed = arena_printf(&p.a, "%s  a%d = b%d, puts(%s);\n", printed, i, i, c_string(&p.a, nasty[i]));
    wanted = arena_printf(&p.a, "%s%s\n", wanted, nasty[i]);
  }
  write_file(&p, "x.c", arena_printf(&p.a, "%sint main(void) {\n%s  return 0;\n}\n", source, printed));
  output_of(&p, "cc -std=c11 -Wall -Wextra -Wcomment -Werror -pedantic -o x x.c");
  assert_string_equal(output_of(&p, "./x"), wanted);
  output_of(&p, "cc -x c++ -std=c++17 -trigraphs -Wall -Wcomment -Werror -o y x.c -lstdc++");
  end(&p);
}

static void verilog_reads_texts(void **state) {
  (void)state;
  struct place p;
  begin(&p);
  const char *source = "module x;\n", *printed = "", *wanted = "";
  for (int i = 1; i < NASTY; i++) {
    source = arena_printf(&p.a, "%s/* %s */ wire a%d; // %s\nwire b%d;\n", source,
                          comment_text(&p.a, nasty[i]), i, comment_text(&p.a, nasty[i]), i);
    printed = arena_printf(&p.a, "%s  $display(\"%s\");\n  $display(\"%%0s\", \"%s\");\n", printed,
                           verilog_string(&p.a, nasty[i], true), verilog_string(&p.a, nasty[i], false));
    wanted = arena_printf(&p.a, "%s%s\n%s\n", wanted, nasty[i], nasty[i]);
  }
  write_file(&p, "x.v",
             arena_printf(&p.a, "%sinitial begin\n%s  $finish(0);\nend\nendmodule\n", source, printed));
  output_of(&p, "iverilog -g2005 -Wall -o x.vvp x.v");
  assert_string_equal(output_of(&p, "vvp -n x.vvp"), wanted);
  output_of(&p, "verilator --lint-only -Wno-UNDRIVEN -Wno-UNUSED -Wno-UNUSEDSIGNAL x.v");
  end(&p);
}

/* What make reads of a Makefile's comments, and what a page shows. */
static void shell_reads_words(void **state) {
  (void)state;
  struct place p;
  begin(&p);
  const char *command = "printf '%s\\n'", *wanted = "";
  for (int i = 0; i < NASTY; i++) {
    command = arena_printf(&p.a, "%s %s", command, shell_word(&p.a, nasty[i]));
    wanted = arena_printf(&p.a, "%s%s\n", wanted, nasty[i]);
  }
  assert_string_equal(output_of(&p, command), wanted);
  end(&p);
}

static void others_read_texts(void **state) {
  (void)state;
  struct place p;
  begin(&p);
  const char *rules = "";
  for (int i = 0; i < NASTY; i++)
    rules = arena_printf(&p.a, "%s# %s\n", rules, comment_text(&p.a, nasty[i]));
  write_file(&p, "Makefile", arena_printf(&p.a, "%sall:\n\t@echo made\n", rules));
  assert_string_equal(output_of(&p, "make -s"), "made\n");
  FILE *f = fopen(in(&p, "x.html"), "wb");
  assert_non_null(f);
  for (int i = 0; i < NASTY; i++)
    html_text(f, nasty[i], strlen(nasty[i]));
  assert_int_equal(fclose(f), 0);
  const char *page = output_of(&p, "cat x.html");
  assert_null(strpbrk(page, "<>\"'\n\r"));
  assert_non_null(strstr(page, "&lt;b title=&#39;x&quot;&gt;&amp;amp;"));
  end(&p);
}

/* One line, whatever it is made of; what can be seen stays. */
static void message_stays_in_its_line(void **state) {
  (void)state;
  struct arena a = {0};
  assert_string_equal(message_text(&a, "plain \\n t\xc3\xbcr"), "plain \\n t\xc3\xbcr");
  assert_string_equal(message_text(&a, "a\nb\tc\r\x1b[1m\x7f"), "a\\nb\\tc\\r\\u001b[1m\\u007f");
  assert_string_equal(message_text(&a, "\xff \xc3"), "\\xff \\xc3");
  assert_string_equal(message_text(&a, "\xe2\x80\xae \xe2\x80\xa8 \xc2\x9b"), "\\u202e \\u2028 \\u009b");
  assert_string_equal(message_bytes(&a, "a\0b", 3), "a\\u0000b");
  for (int i = 0; i < NASTY; i++)
    for (const char *s = message_text(&a, nasty[i]); *s; s++)
      assert_true((unsigned char)*s >= 32);
  arena_free(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words),
      cmocka_unit_test(identifiers),
      cmocka_unit_test(names_of_a_scope),
      cmocka_unit_test(c_reads_texts),
      cmocka_unit_test(verilog_reads_texts),
      cmocka_unit_test(shell_reads_words),
      cmocka_unit_test(others_read_texts),
      cmocka_unit_test(message_stays_in_its_line),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
