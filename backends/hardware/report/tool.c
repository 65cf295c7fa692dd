/* tool.c: what other people's programs print. */
#include "backends/hardware/report/tool.h"

#include "support/file.h"
#include <string.h>

const char *tool_message(struct arena *a, const char *log) {
  struct diag quiet = {0};
  size_t n;
  quiet.out = fopen("/dev/null", "w");
  char *text = file_read(&quiet, a, log, (size_t)1 << 28, &n);
  if (quiet.out)
    fclose(quiet.out);
  diag_free(&quiet);
  const char *last = "", *error = NULL;
  for (char *line = text, *next; line && *line; line = next) {
    size_t length = strcspn(line, "\n");
    next = line + length + (line[length] == '\n');
    line[length] = '\0';
    if (strncmp(line, "ERROR", 5) == 0)
      error = line;
    if (line[strspn(line, " \t")])
      last = line;
  }
  return error ? error : last;
}
