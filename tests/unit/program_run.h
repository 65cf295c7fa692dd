/* program_run.h: the command line of a built program over the model of runtime_fake.h, run in a child process
 * with its output in files of the test's folder. */
#ifndef TERN_TESTS_PROGRAM_RUN_H
#define TERN_TESTS_PROGRAM_RUN_H

#include "runtime_fake.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "runtime/command/program.h"

struct outcome {
  char *out, *err;
  size_t out_bytes, err_bytes;
  int status;
};

static inline void redirect(int fd, const char *path, int flags) {
  int file = open(path, flags, 0666);
  if (file < 0 || dup2(file, fd) < 0)
    _exit(99);
  close(file);
}

static inline int count_words(const char **argv) {
  int n = 0;
  while (argv[n])
    n++;
  return n;
}

static inline pid_t launch(const struct tern_model *m, const char *out, const char **argv) {
  fflush(NULL);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child > 0)
    return child;
  signal(SIGINT, SIG_DFL); /* ignored, where the tests run in the background */
  redirect(STDOUT_FILENO, out, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
  redirect(STDERR_FILENO, "stderr", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
  exit(tern_main(m, count_words(argv), (char **)(uintptr_t)argv, NULL));
}

static inline int finish(pid_t child) {
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  return WEXITSTATUS(status);
}

static inline struct outcome run_into(const struct tern_model *m, const char *out, const char **argv) {
  struct outcome o = {.status = finish(launch(m, out, argv))};
  o.err = get_file("stderr", &o.err_bytes);
  if (strncmp(out, "/dev/", 5) != 0)
    o.out = get_file(out, &o.out_bytes);
  return o;
}

/* Words of a command line after the program's name and its weights. */
#define ARGS(...)                                                                                            \
  ((const char *[]){"bin/prog", "--weights-file", "fake.img", __VA_ARGS__ __VA_OPT__(, ) NULL})
#define RUN(model, ...)    run_into(model, "stdout", ARGS(__VA_ARGS__))
#define EXPECT_ERROR(o, s) expect_error(o, s, __LINE__)

static inline void done(struct outcome o) {
  free(o.out);
  free(o.err);
}

/* Status 1, one line "prog: error: ..." that contains `text`, nothing on standard output. */
static inline void expect_error(struct outcome o, const char *text, int line) {
  bool right = o.status == 1 && o.out_bytes == 0 && strncmp(o.err, "prog: error: ", 13) == 0 &&
               strstr(o.err, text) && strchr(o.err, '\n') == o.err + o.err_bytes - 1;
  if (!right)
    print_error("line %d: status %d, stdout '%s', stderr '%s', expected '%s'\n", line, o.status,
                o.out ? o.out : "", o.err, text);
  assert_true(right);
  done(o);
}

static inline void expect_output(struct outcome o, const char *text) {
  assert_int_equal(o.status, 0);
  assert_string_equal(o.out, text);
  assert_int_equal(o.out_bytes, strlen(text));
  done(o);
}

static inline int files_in_folder(void) {
  DIR *d = opendir(".");
  int n = 0;
  while (readdir(d))
    n++;
  closedir(d);
  return n;
}

#endif
