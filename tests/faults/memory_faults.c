// A library for LD_PRELOAD that lets requests for memory fail, as scripts/memory_test asks.
//
//   CLIPSWEEP_MEMORY_FAULT=FIRST,COUNT   the requests FIRST to FIRST + COUNT - 1 (from 1) fail
//   CLIPSWEEP_MEMORY_COUNT=FILE          gets the number of requests of the process
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern void* __libc_malloc(size_t size);
extern void* __libc_calloc(size_t count, size_t size);
extern void* __libc_realloc(void* old, size_t size);
extern void* __libc_memalign(size_t alignment, size_t size);
extern char** environ;

static atomic_ullong requests;
static unsigned long long first;
static unsigned long long count;
static atomic_bool is_ready;

// At the first request that knows the environment: the dynamic loader makes some before.
static void set_up(void) {
  if (is_ready || !environ) return;
  is_ready = 1;
  const char* fault = getenv("CLIPSWEEP_MEMORY_FAULT");
  if (!fault) return;
  char* rest = NULL;
  first = strtoull(fault, &rest, 10);
  count = *rest == ',' ? strtoull(rest + 1, NULL, 10) : 1;
}

static int fails(void) {
  set_up();
  const unsigned long long number = ++requests;
  if (first == 0 || number < first || number - first >= count) return 0;
  errno = ENOMEM;
  return 1;
}

void* malloc(size_t size) { return fails() ? NULL : __libc_malloc(size); }
void* calloc(size_t number, size_t size) { return fails() ? NULL : __libc_calloc(number, size); }
void* realloc(void* old, size_t size) { return fails() ? NULL : __libc_realloc(old, size); }
void* memalign(size_t alignment, size_t size) {
  return fails() ? NULL : __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void** result, size_t alignment, size_t size) {
  void* const memory = memalign(alignment, size);
  if (!memory) return ENOMEM;
  *result = memory;
  return 0;
}

__attribute__((destructor)) static void write_count(void) {
  const char* file = getenv("CLIPSWEEP_MEMORY_COUNT");
  if (!file) return;
  const int descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  dprintf(descriptor, "%llu\n", (unsigned long long)requests);
  close(descriptor);
}
