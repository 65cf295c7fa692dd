/* wide.h: WIDE before a function makes a version of it for each vector width of x86-64, of which the loader
 * picks one. Not in sanitizer builds: their instrumentation would run in the loader's resolvers, before it is
 * set up. */
#ifndef TERN_FRONTEND_CHECKPOINT_WIDE_H
#define TERN_FRONTEND_CHECKPOINT_WIDE_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TERN_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TERN_SANITIZED 1
#endif
#endif

#if defined(__x86_64__) && !defined(TERN_SANITIZED)
#define WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDE
#endif

#endif
