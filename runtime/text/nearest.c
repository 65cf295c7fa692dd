/* nearest.c: the optimal string alignment distance, three rows of its table at a time. */
#include "runtime/text/nearest.h"

#include <string.h>

enum { LONGEST_WORD = 64 };

static int distance(const char *a, const char *b) {
  int n = (int)strlen(a), m = (int)strlen(b);
  if (n > LONGEST_WORD || m > LONGEST_WORD)
    return LONGEST_WORD;
  int row[3][LONGEST_WORD + 1];
  for (int j = 0; j <= m; j++)
    row[0][j] = j;
  for (int i = 1; i <= n; i++) {
    int *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
    now[0] = i;
    for (int j = 1; j <= m; j++) {
      int best = last[j - 1] + (a[i - 1] != b[j - 1]);
      if (last[j] + 1 < best)
        best = last[j] + 1;
      if (now[j - 1] + 1 < best)
        best = now[j - 1] + 1;
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
        best = before[j - 2] + 1;
      now[j] = best;
    }
  }
  return row[n % 3][m];
}

const char *nearest_word(const char *word, const char *const *candidates, int n) {
  const char *best = NULL;
  int least = (int)strlen(word) / 3 + 1;
  for (int i = 0; i < n; i++) {
    int d = distance(word, candidates[i]);
    if (d <= least && (!best || d < least) && strcmp(word, candidates[i]) != 0) {
      least = d;
      best = candidates[i];
    }
  }
  return best;
}
