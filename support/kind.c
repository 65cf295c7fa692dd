/* kind.c: kinds of files by their first bytes, one row a kind. */
#include "support/kind.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

#define TORCH "as torch.save writes it; load it in Python and save it as safetensors (save_pretrained does)"

static const struct file_kind {
  const char *magic;
  int n, at; /* bytes of the magic, and where they are */
  const char *what;
} kinds[] = {
#define MAGIC(text) text, sizeof text - 1
    {MAGIC("version https://git-lfs.github.com/spec/"), 0,
     "is a Git LFS pointer, not the file itself; run `git lfs pull` in the folder it came from, or download "
     "the file"},
    {MAGIC("version https://hawser.github.com/spec/"), 0,
     "is a Git LFS pointer, not the file itself; run `git lfs pull` in the folder it came from, or download "
     "the file"},
    {MAGIC("GGUF"), 0, "is a GGUF file; give the safetensors that it was made from"},
    {MAGIC("PK\3\4"), 0, "is a zip archive, " TORCH},
    {MAGIC("\x80\2"), 0, "is a Python pickle, " TORCH},
    {MAGIC("\x80\3"), 0, "is a Python pickle, " TORCH},
    {MAGIC("\x80\4"), 0, "is a Python pickle, " TORCH},
    {MAGIC("\x80\5"), 0, "is a Python pickle, " TORCH},
    {MAGIC("\x1f\x8b"), 0, "is compressed with gzip; unpack it first (gunzip)"},
    {MAGIC("\x28\xb5\x2f\xfd"), 0, "is compressed with zstd; unpack it first (unzstd)"},
    {MAGIC("\xfd"
           "7zXZ"),
     0, "is compressed with xz; unpack it first (unxz)"},
    {MAGIC("BZh"), 0, "is compressed with bzip2; unpack it first (bunzip2)"},
    {MAGIC("7z\xbc\xaf\x27\x1c"), 0, "is a 7z archive; unpack it first"},
    {MAGIC("ustar"), 257, "is a tar archive; unpack it first (tar -xf)"},
    {MAGIC("\x93NUMPY"), 0, "is a NumPy array; save the model as safetensors"},
    {MAGIC("\x89HDF"), 0, "is an HDF5 file; save the model as safetensors"},
    {MAGIC("\x7f"
           "ELF"),
     0, "is a program or a library (ELF)"},
    {MAGIC("\x89PNG"), 0, "is a picture (PNG)"},
    {MAGIC("%PDF"), 0, "is a PDF document"},
    {MAGIC("TERNIMG"), 0,
     "is a weights image of a compiled model; give the checkpoint that it was made from"},
#undef MAGIC
};

static bool begins(const char *s, size_t n, const char *word) {
  size_t k = strlen(word);
  return n >= k && strncasecmp(s, word, k) == 0;
}

static bool is_page(const char *s, size_t n) {
  while (n && (strchr(" \t\r\n", *s) || (uint8_t)*s >= 0xBB) && *s) /* blanks, a byte order mark */
    s++, n--;
  return begins(s, n, "<!doctype") || begins(s, n, "<html") || begins(s, n, "<head") || begins(s, n, "<?xml");
}

/* A safetensors file: it begins with the length of its header, whose bytes can be those of another kind. */
static bool is_safetensors(const char *s, size_t n) {
  return n > 8 && memcmp(s + 4, "\0\0\0\0{", 5) == 0;
}

const char *file_kind(const void *head, size_t n) {
  if (is_safetensors(head, n))
    return NULL;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    const struct file_kind *k = &kinds[i];
    if (n >= (size_t)(k->at + k->n) && memcmp((const char *)head + k->at, k->magic, (size_t)k->n) == 0)
      return k->what;
  }
  if (n == 0)
    return "is empty; fetch the file again";
  if (is_page(head, n))
    return "is a web page, perhaps the answer of a server that wanted a login; download the file itself";
  return NULL;
}

/* Bytes of the text character at s; 0: a control character, or no UTF-8. */
static size_t text_length(const char *s, size_t n) {
  utf8proc_int32_t c = 0;
  utf8proc_ssize_t k = utf8proc_iterate((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n, &c);
  bool blank = c >= '\t' && c <= '\r';
  return k > 0 && c != 127 && (c >= 32 || blank) ? (size_t)k : 0;
}

/* The first byte of a file that is no text: a zero, or where more than one in 16 of its first bytes are odd.
 * n: none.
 */
static size_t first_odd(const char *text, size_t n) {
  enum { LOOKED_AT = 4096, FEWEST = 4, ONE_IN = 16 };
  const char *zero = memchr(text, 0, n);
  size_t end = n < LOOKED_AT ? n : LOOKED_AT, odd = 0, first = n, at = 0;
  for (size_t k; at < end; at += k ? k : 1)
    if (!(k = text_length(text + at, n - at))) {
      first = odd ? first : at;
      odd++;
    }
  return odd >= FEWEST && odd * ONE_IN > at ? first : zero ? (size_t)(zero - text) : n;
}

const char *not_text(struct arena *a, const char *text, size_t n) {
  const char *kind = n ? file_kind(text, n) : NULL;
  size_t odd = kind ? n : first_odd(text, n);
  if (kind || odd == n)
    return kind;
  unsigned char c = (unsigned char)text[odd];
  return arena_printf(a, "is not text: byte %zu is 0x%02x%s", odd, c,
                      c < 32 || c == 127 ? ", a control character" : "");
}
