// Counts the allocations of a program by who asks for them, when it is loaded before it (LD_PRELOAD).
//
// $ALLOCATION_COUNTS names a file of two 64-bit counters, which is mapped: allocations that libzmq made (or the C++ library
// for it), and all others.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

static _Atomic uint64_t *counters;
static struct { uintptr_t start, end; } theirs[8];
static int theirsCount;

static int note(struct dl_phdr_info *info, size_t size, void *data) {
  (void)size, (void)data;
  if (!strstr(info->dlpi_name, "libzmq") && !strstr(info->dlpi_name, "libstdc++")) return 0;
  for (int i = 0; i < info->dlpi_phnum && theirsCount < 8; i++) {
    const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
    if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X)) continue;
    theirs[theirsCount].start = info->dlpi_addr + segment->p_vaddr;
    theirs[theirsCount++].end = info->dlpi_addr + segment->p_vaddr + segment->p_memsz;
  }
  return 0;
}

__attribute__((constructor)) static void begin(void) {
  dl_iterate_phdr(note, NULL);
  const char *path = getenv("ALLOCATION_COUNTS");
  int file = path ? open(path, O_RDWR) : -1;
  if (file < 0) return;
  void *memory = mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (memory != MAP_FAILED) counters = memory;
}

static void count(void *caller) {
  if (!counters) return;
  uintptr_t address = (uintptr_t)caller;
  int isTheirs = 0;
  for (int i = 0; i < theirsCount; i++) isTheirs |= address >= theirs[i].start && address < theirs[i].end;
  atomic_fetch_add(&counters[isTheirs ? 0 : 1], 1);
}

void *malloc(size_t size) { count(__builtin_return_address(0)); return __libc_malloc(size); }
void *calloc(size_t n, size_t size) { count(__builtin_return_address(0)); return __libc_calloc(n, size); }
void *realloc(void *p, size_t size) { count(__builtin_return_address(0)); return __libc_realloc(p, size); }
void *memalign(size_t a, size_t size) { count(__builtin_return_address(0)); return __libc_memalign(a, size); }
void *aligned_alloc(size_t a, size_t size) { count(__builtin_return_address(0)); return __libc_memalign(a, size); }
int posix_memalign(void **p, size_t a, size_t size) {
  count(__builtin_return_address(0));
  *p = __libc_memalign(a, size);
  return *p ? 0 : 12;
}
