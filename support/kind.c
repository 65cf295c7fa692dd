/* kind.c: kinds of files by their first bytes, one row a kind. */
#include "support/kind.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define TORCH "as torch.save writes it; load it in Python and save it as safetensors (save_pretrained does)"

static const struct kind {
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

const char *file_kind(const void *head, size_t n) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    const struct kind *k = &kinds[i];
    if (n >= (size_t)(k->at + k->n) && memcmp((const char *)head + k->at, k->magic, (size_t)k->n) == 0)
      return k->what;
  }
  if (n == 0)
    return "is empty; fetch the file again";
  if (is_page(head, n))
    return "is a web page, perhaps the answer of a server that wanted a login; download the file itself";
  return NULL;
}

static bool is_text_byte(unsigned char c) {
  return (c >= 32 && c != 127) || (c >= '\t' && c <= '\r');
}

const char *not_text(struct arena *a, const char *text, size_t n) {
  size_t i = 0;
  while (i < n && is_text_byte((unsigned char)text[i]))
    i++;
  const char *kind = n ? file_kind(text, n) : NULL;
  if (kind)
    return kind;
  return i < n ? arena_printf(a, "is not text: byte %zu is 0x%02x", i, (unsigned char)text[i]) : NULL;
}
