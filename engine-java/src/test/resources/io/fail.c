/* Preloaded into a JVM: lets the n-th call that writes to a folder, and those after it if so asked, fail with an I/O error. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

static char folder[4096];
static long left; /* calls until one fails; 0 for never */
static int forever;
static long seen;

/* Arms the failure; at 0 none is to come. Returns the calls seen since the last time. */
long fail_at(const char *path, long n, int and_after) {
  long before = __atomic_exchange_n(&seen, 0, __ATOMIC_SEQ_CST);
  strncpy(folder, path, sizeof folder - 1);
  forever = and_after;
  __atomic_store_n(&left, n, __ATOMIC_SEQ_CST);
  return before;
}

static int due(void) {
  __atomic_add_fetch(&seen, 1, __ATOMIC_SEQ_CST);
  long now = __atomic_load_n(&left, __ATOMIC_SEQ_CST);
  if (now == 0) return 0;
  if (now > 1) {
    __atomic_store_n(&left, now - 1, __ATOMIC_SEQ_CST);
    return 0;
  }
  if (!forever) __atomic_store_n(&left, 0, __ATOMIC_SEQ_CST);
  errno = EIO;
  return 1;
}

static int inside(const char *path) { return folder[0] && strncmp(path, folder, strlen(folder)) == 0; }

static int ours(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = folder[0] ? readlink(link, path, sizeof path - 1) : -1;
  if (n < 0) return 0;
  path[n] = 0;
  return inside(path);
}

#define NEXT(type, name) ((type)dlsym(RTLD_NEXT, #name))
typedef ssize_t (*write_t)(int, const void *, size_t);
typedef ssize_t (*pwrite_t)(int, const void *, size_t, off64_t);
typedef int (*fd_t)(int);
typedef int (*rename_t)(const char *, const char *);
typedef int (*unlink_t)(const char *);
typedef int (*truncate_t)(int, off64_t);
typedef int (*open_t)(const char *, int, ...);
typedef int (*msync_t)(void *, size_t, int);

ssize_t write(int fd, const void *b, size_t n) {
  return ours(fd) && due() ? -1 : NEXT(write_t, write)(fd, b, n);
}
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t at) {
  return ours(fd) && due() ? -1 : NEXT(pwrite_t, pwrite64)(fd, b, n, at);
}
int fsync(int fd) { return ours(fd) && due() ? -1 : NEXT(fd_t, fsync)(fd); }
int fdatasync(int fd) { return ours(fd) && due() ? -1 : NEXT(fd_t, fdatasync)(fd); }
int ftruncate64(int fd, off64_t n) { return ours(fd) && due() ? -1 : NEXT(truncate_t, ftruncate64)(fd, n); }
int rename(const char *a, const char *b) { return inside(a) && due() ? -1 : NEXT(rename_t, rename)(a, b); }
int unlink(const char *a) { return inside(a) && due() ? -1 : NEXT(unlink_t, unlink)(a); }
int msync(void *a, size_t n, int f) { return folder[0] && due() ? -1 : NEXT(msync_t, msync)(a, n, f); }
int open64(const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  int mode = va_arg(list, int);
  va_end(list);
  return inside(path) && due() ? -1 : NEXT(open_t, open64)(path, flags, mode);
}
int open(const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  int mode = va_arg(list, int);
  va_end(list);
  return inside(path) && due() ? -1 : NEXT(open_t, open)(path, flags, mode);
}
