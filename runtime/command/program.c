/* program.c: the command line to one of the modes, and its failure to a line on standard error. */
#include "runtime/core/base.h"

#include "runtime/command/program.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/command/options.h"
#include "runtime/command/report.h"
#include "runtime/command/score.h"
#include "runtime/core/claim.h"
#include "runtime/core/cpu.h"
#include "runtime/core/entries.h"
#include "runtime/core/files.h"
#include "runtime/core/guard.h"
#include "runtime/core/interrupt.h"
#include "runtime/core/profile.h"
#include "runtime/core/team.h"
#include "runtime/text/generate.h"
#include "runtime/text/json.h"

struct program {
  const struct tern_model *model, *least; /* the level that runs, and the first of all */
  bool runs_here;                         /* one of them does */
  const char *name;
  const struct tern_host *host;
  struct options options;
  struct image own;          /* opened here, closed here */
  const struct image *image; /* the host's or `own`; NULL for a model without weights */
  struct session session;
  struct profile profile; /* of the session, with --profile */
  struct tokenizer *tokenizer;
};

/* What a mode needs before it runs, and how it runs. */
struct mode_row {
  enum mode mode;
  bool session, tokenizer;
  bool (*run)(struct program *p, struct failure *f);
};

static const char *name_of(const struct tern_host *host, int argc, char **argv, const struct tern_model *m) {
  if (host && host->name)
    return host->name;
  if (argc < 1 || !argv[0] || !*argv[0])
    return m->name;
  const char *slash = strrchr(argv[0], '/');
  return slash ? slash + 1 : argv[0];
}

/* No output may take the place of the program, or of the weights in `path`, if that is not NULL. */
static bool claim_files(const char *path, struct failure *f) {
  char self[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
  self[n < 0 ? 0 : n] = 0;
  const char *const names[] = {n < 0 ? NULL : self, path};
  bool ok = true;
  for (int i = 0; i < 2 && ok; i++) {
    int fd = names[i] ? open(names[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    ok = fd < 0 || claim_input(names[i], fd, f);
    if (fd >= 0)
      close(fd);
  }
  return ok;
}

static bool open_image(struct program *p, struct failure *f) {
  const char *path = p->options.weights_file;
  if (!path && p->host && p->host->image) {
    p->image = p->host->image;
    return image_fits(p->image, p->model, f);
  }
  if (!claim_files(path, f))
    return false;
  if (path ? !image_open(&p->own, path, f->text, sizeof f->text) : !image_carried(&p->own, f))
    return false;
  if (p->own.header) {
    p->image = &p->own;
    guard_begin(p->own.base, p->own.mapped, p->name, path ? path : "this program's file");
    return image_fits(p->image, p->model, f);
  }
  if (p->model->weights_bytes == 0 || p->options.mode == MODE_INFO)
    return true;
  return fail_with(f, "this program carries no weights; give them with --weights-file FILE");
}

static bool open_tokenizer(struct program *p, struct failure *f) {
  if (!p->image || !p->image->tokenizer)
    return fail_with(
        f, "this model came without a tokenizer, so it cannot read or write text; build it with one, or "
           "use --tokens FILE --logits OUT");
  char why[sizeof f->text - 128];
  p->tokenizer = tokenizer_open(p->image->tokenizer, p->image->header->tokenizer_bytes, why, sizeof why);
  return p->tokenizer ||
         fail_with(f, "the tokenizer in the weights is damaged: %s; build or copy them again", why);
}

static bool open_session(struct program *p, struct failure *f) {
  image_settle(&p->own, p->model);
  if (!session_open(&p->session, p->model, p->image, (uint32_t)p->options.threads, (uint32_t)p->options.chunk,
                    f) ||
      !session_limit(&p->session, p->options.context, f))
    return false;
  if (!p->options.profile)
    return true;
  p->session.profile = &p->profile;
  return profile_open(&p->profile, p->model, team_threads(p->session.team), f);
}

/* Whether standard error goes where the text went, so that its next line would begin in the text's last one.
 * To a terminal a line feed is written anyway. */
static bool shares_output(void) {
  struct stat out, err;
  return !isatty(STDOUT_FILENO) && fstat(STDOUT_FILENO, &out) == 0 && fstat(STDERR_FILENO, &err) == 0 &&
         out.st_dev == err.st_dev && out.st_ino == err.st_ino;
}

static const char *plural(uint64_t n) {
  return n == 1 ? "" : "s";
}

static void print_statistics(const struct program *p, const struct generation *g) {
  uint32_t threads = team_threads(p->session.team);
  fprintf(stderr,
          "%s%s: prompt of %llu token%s at %.1f tokens/s, first token after %.1f ms, %llu token%s written at "
          "%.1f "
          "tokens/s, seed %llu, %u thread%s\n",
          shares_output() ? "\n" : "", p->name, (unsigned long long)g->prompt_tokens,
          plural(g->prompt_tokens), g->prompt_rate, g->first_token * 1e3, (unsigned long long)g->written,
          plural(g->written), g->decode_rate, (unsigned long long)p->options.sampling.seed, threads,
          plural(threads));
  if (g->full && g->written == g->length)
    fprintf(stderr,
            "%s: the text ends where the context does, at %llu tokens; --context asks for another one\n",
            p->name, (unsigned long long)p->session.context);
}

static bool print_generation(const struct program *p, const struct generation *g, const char *text,
                             size_t bytes, struct failure *f) {
  const char *end = interrupted()            ? "interrupted"
                    : g->written < g->length ? "eos"
                    : g->full                ? "context"
                                             : "length";
  printf("{\"model\": ");
  print_json_text(stdout, p->model->name);
  printf(", \"text\": ");
  print_json_bytes(stdout, text, bytes);
  printf(", \"prompt_tokens\": %llu, \"tokens\": %llu, \"stopped_by\": \"%s\"",
         (unsigned long long)g->prompt_tokens, (unsigned long long)g->written, end);
  printf(", \"prompt_tokens_per_s\": ");
  print_json_real(stdout, g->prompt_rate);
  printf(", \"decode_tokens_per_s\": ");
  print_json_real(stdout, g->decode_rate);
  printf(", \"first_token_s\": ");
  print_json_real(stdout, g->first_token);
  printf(", \"seed\": %llu, \"threads\": %u}\n", (unsigned long long)p->options.sampling.seed,
         team_threads(p->session.team));
  return stdout_finish(f);
}

/* The text is kept and printed with what is known of it when it is whole. */
static bool generate_json(struct program *p, struct generation *g, struct sampler *sampler,
                          struct failure *f) {
  char *text = NULL;
  size_t bytes = 0;
  g->to = open_memstream(&text, &bytes);
  if (!g->to)
    return fail_memory(f, BUFSIZ, "the text");
  bool ok = generate(g, &p->session, p->tokenizer, sampler, f);
  bool whole = fclose(g->to) == 0;
  if (ok && !whole)
    ok = fail_memory(f, bytes + BUFSIZ, "the text");
  ok = ok && print_generation(p, g, text, bytes, f);
  free(text);
  return ok;
}

static bool generate_text(struct program *p, struct generation *g, struct sampler *sampler,
                          struct failure *f) {
  g->to = stdout;
  bool ok = generate(g, &p->session, p->tokenizer, sampler, f);
  if (isatty(STDOUT_FILENO)) /* the shell's next line; a file gets the text and nothing else */
    putchar('\n');
  if (ok && !p->options.quiet)
    print_statistics(p, g);
  return ok;
}

static struct text_rules text_rules(const struct options *o, bool whole) {
  return (struct text_rules){.special = o->special      ? TOKENIZER_SPECIAL_ALWAYS
                                        : o->no_special ? TOKENIZER_SPECIAL_NEVER
                                                        : TOKENIZER_SPECIAL_AUTO,
                             .bos = o->bos      ? BOS_ALWAYS
                                    : o->no_bos ? BOS_NEVER
                                                : BOS_AS_TRAINED,
                             .whole = whole};
}

static bool continue_prompt(struct program *p, const char *prompt, size_t bytes, struct failure *f) {
  struct sampler sampler;
  struct generation g = {.prompt = prompt,
                         .prompt_bytes = bytes,
                         .rules = text_rules(&p->options, false),
                         .length = p->options.length,
                         .echo = !p->options.no_echo,
                         .stop_at_eos = !p->options.ignore_eos};
  if (!sampler_open(&sampler, &p->options.sampling, model_vocab(p->model), f))
    return false;
  bool ok = p->options.json ? generate_json(p, &g, &sampler, f) : generate_text(p, &g, &sampler, f);
  sampler_close(&sampler);
  return ok;
}

static bool run_generate(struct program *p, struct failure *f) {
  const struct options *o = &p->options;
  bool input = o->prompt && strcmp(o->prompt, "-") == 0; /* standard input, as for --prompt-file */
  const char *file = input ? "-" : o->prompt_file;
  char *text = NULL;
  size_t bytes = o->prompt ? strlen(o->prompt) : 0;
  if (file && !read_whole(file, &text, &bytes, f))
    return false;
  bool ok = continue_prompt(p, text ? text : o->prompt ? o->prompt : "", bytes, f);
  free(text);
  return ok;
}

static bool run_perplexity(struct program *p, struct failure *f) {
  struct text_rules rules = text_rules(&p->options, true);
  return print_perplexity(&p->session, p->tokenizer, &rules, p->options.perplexity, p->options.json, f);
}

static bool run_logits(struct program *p, struct failure *f) {
  bool raw = p->options.logits_raw;
  return write_logits(&p->session, p->options.tokens, raw ? p->options.logits_raw : p->options.logits, raw,
                      f);
}

static bool run_tokenize(struct program *p, struct failure *f) {
  return print_tokens(p->tokenizer, text_rules(&p->options, true).special, p->options.tokenize, f);
}

static bool run_bench(struct program *p, struct failure *f) {
  struct rounds r = {.decode_tokens = (uint32_t)p->options.bench_tokens,
                     .prompt_tokens = (uint32_t)p->options.bench_prompt,
                     .past = (uint32_t)p->options.bench_context,
                     .batch = (uint32_t)p->options.bench_batch};
  return print_bench(&p->session, p->image, &r, p->options.json, f);
}

static bool run_info(struct program *p, struct failure *f) {
  return print_info(p->least, p->runs_here ? p->model : NULL, p->image, p->options.json, f);
}

static bool run_verify(struct program *p, struct failure *f) {
  struct failure why = {0};
  if (!p->image || image_verify(p->image, &why))
    return print_verified(p->image, f);
  return fail_with(f, "%s: %.300s",
                   p->options.weights_file ? p->options.weights_file : "the weights in this program",
                   why.text);
}

static bool run_help(struct program *p, struct failure *f) {
  options_help(p->model, p->name);
  return stdout_finish(f);
}

static bool run_version(struct program *p, struct failure *f) {
  printf("%s: model %s, compiled by %s for %s\n", p->name, p->model->name, p->model->compiler,
         p->model->target);
  return stdout_finish(f);
}

static const struct mode_row modes[] = {
    {MODE_GENERATE, true, true, run_generate}, {MODE_PERPLEXITY, true, true, run_perplexity},
    {MODE_LOGITS, true, false, run_logits},    {MODE_TOKENIZE, false, true, run_tokenize},
    {MODE_BENCH, true, false, run_bench},      {MODE_INFO, false, false, run_info},
    {MODE_VERIFY, false, false, run_verify},   {MODE_HELP, false, false, run_help},
    {MODE_VERSION, false, false, run_version},
};

/* The level that runs; none is an error only for what runs the model, or where the user named one. */
static bool choose_level(struct program *p, bool runs, struct failure *f) {
  const char *level = p->options.cpu_level;
  if (!level && p->host) /* the environment's choice is for programs that stand alone */
    level = cpu_name(p->least);
  const struct tern_model *best = cpu_choose(p->least, level, f);
  if (!best && (runs || p->options.cpu_level))
    return false;
  p->runs_here = best != NULL;
  p->model = best ? best : p->least;
  f->text[0] = 0;
  return true;
}

static bool run_mode(struct program *p, struct failure *f) {
  const struct mode_row *row = modes;
  while (row->mode != p->options.mode)
    row++;
  bool describes = row->mode == MODE_HELP || row->mode == MODE_VERSION; /* possible whatever is wrong */
  return (describes || (choose_level(p, row->session, f) && open_image(p, f))) &&
         (!row->tokenizer || open_tokenizer(p, f)) && (!row->session || open_session(p, f)) &&
         row->run(p, f) &&
         (!p->session.profile || p->options.json || profile_print(&p->profile, stderr, false, f));
}

int tern_main(const struct tern_model *m, int argc, char **argv, const struct tern_host *host) {
  struct program p = {.model = m, .least = m, .host = host, .name = name_of(host, argc, argv, m)};
  struct failure f = {0};
  struct interrupts old;
  streams_fill();
  interrupts_catch(&old);
  bool ok = options_parse(&p.options, argc, argv, &f) && run_mode(&p, &f);
  bool stopped = interrupted();
  session_close(&p.session);
  profile_close(&p.profile);
  if (p.tokenizer)
    tokenizer_close(p.tokenizer);
  guard_end();
  image_close(&p.own);
  interrupts_release(&old);
  if (stopped && (ok || !f.text[0]))
    return INTERRUPTED_STATUS;
  if (!ok && !f.quiet)
    fprintf(stderr, "%s: error: %s\n", p.name, f.text);
  return ok ? 0 : 1;
}
