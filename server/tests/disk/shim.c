// Stands between a program under test and the system (LD_PRELOAD). Of the files below one folder it
//  - writes a log of everything that changes them, so that a power cut at any point can be played,
//  - makes calls fail on demand (a full disk, a read-only one, one that does not sync),
// and it moves the clock. What is asked of it stands in a small file that all programs map:
//
//   int64 clock_ns      added to the wall clock
//   int64 sync_us       how long a sync takes; the disk itself is never asked, the log is what counts
//   16 rules of 128 bytes: int32 ops, errno, left (-1: for ever), hits; char part[112] of the path
//
// A record of the log is 40 bytes (magic, kind, bytes of the path, inode, a, b, c), the path, and the bytes
// written. Each is one write to a file opened for appending, so those of all processes stand in one order.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { WRITE = 1, SYNC = 2, CREATE = 4, RENAME = 8, RESIZE = 16 };

struct rule { int32_t ops, error, left, hits; char part[112]; };
struct control { int64_t clock_ns, sync_us; struct rule rules[16]; };
struct record { uint32_t magic; uint16_t kind, path; uint64_t inode; int64_t a, b, c; };

static struct control *control;
static char *root;
static size_t root_length;
static int journal = -1;

#define REAL(name) \
  static __typeof__(name) *real; \
  if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static int real_open(const char *path, int flags) {
  static int (*real)(const char *, int, ...);
  if (!real) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
  return real(path, flags | O_CLOEXEC, 0666);
}

__attribute__((constructor)) static void begin(void) {
  const char *place = getenv("HUTONG_SHIM_CONTROL");
  // A copy: PostgreSQL writes the titles of its processes over its environment.
  root = getenv("HUTONG_SHIM_ROOT") ? strdup(getenv("HUTONG_SHIM_ROOT")) : NULL;
  root_length = root ? strlen(root) : 0;
  if (place) {
    int fd = real_open(place, O_RDWR);
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED) control = at;
  }
  const char *log = getenv("HUTONG_SHIM_LOG");
  if (log) journal = real_open(log, O_WRONLY | O_APPEND);
}

static int below(const char *path) {
  return root && strncmp(path, root, root_length) == 0 && (path[root_length] == '/' || !path[root_length]);
}

// The path of an open file below the folder.
static int path_of(int fd, char *path) {
  if (!root) return 0;
  char link[40];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  if (length > 10 && strcmp(path + length - 10, " (deleted)") == 0) return 0;
  return below(path);
}

// A path as given, made absolute.
static int path_at(const char *given, char *path) {
  if (!root || !given) return 0;
  if (given[0] == '/') {
    snprintf(path, PATH_MAX, "%s", given);
  } else {
    char here[PATH_MAX];
    if (!getcwd(here, sizeof here)) return 0;
    if (strncmp(given, "./", 2) == 0) given += 2;
    if (snprintf(path, PATH_MAX, "%s/%s", here, given) >= PATH_MAX) return 0;
  }
  return below(path);
}

static void note(int kind, const char *path, uint64_t inode, int64_t a, int64_t b, int64_t c, const void *bytes,
                 size_t length) {
  if (journal < 0) return;
  REAL(writev);
  struct record head = {0x4b534944, (uint16_t)kind, (uint16_t)strlen(path), inode, a, b, c};
  struct iovec parts[3] = {{&head, sizeof head}, {(void *)path, head.path}, {(void *)bytes, length}};
  int kept = errno;
  if (real(journal, parts, length ? 3 : 2) < 0) abort();
  errno = kept;
}

static uint64_t inode_of(int fd, int *folder) {
  struct stat about;
  if (fstat(fd, &about)) return 0;
  if (folder) *folder = S_ISDIR(about.st_mode);
  return about.st_ino;
}

// Whether this call shall fail, and how.
static int fails(int op, const char *path) {
  if (!control) return 0;
  for (int n = 0; n < 16; n++) {
    struct rule *rule = &control->rules[n];
    if (!(rule->ops & op) || !strstr(path, rule->part)) continue;
    int left = __atomic_load_n(&rule->left, __ATOMIC_SEQ_CST);
    if (left == 0) continue;
    if (left > 0 && __atomic_fetch_sub(&rule->left, 1, __ATOMIC_SEQ_CST) <= 0) continue;
    __atomic_fetch_add(&rule->hits, 1, __ATOMIC_SEQ_CST);
    return rule->error;
  }
  return 0;
}

#define FAIL_IF(op, path) \
  do { int error = fails(op, path); if (error) { errno = error; return -1; } } while (0)

// ---- writing

static void wrote(int fd, const char *path, int64_t offset, const void *bytes, ssize_t done) {
  if (done > 0) note('W', path, inode_of(fd, NULL), offset, done, 0, bytes, (size_t)done);
}

ssize_t write(int fd, const void *bytes, size_t length) {
  REAL(write);
  char path[PATH_MAX];
  if (!path_of(fd, path)) return real(fd, bytes, length);
  FAIL_IF(WRITE, path);
  ssize_t done = real(fd, bytes, length);
  if (done > 0) wrote(fd, path, lseek(fd, 0, SEEK_CUR) - done, bytes, done);
  return done;
}

#define PWRITE(name, offset_type) \
  ssize_t name(int fd, const void *bytes, size_t length, offset_type offset) { \
    REAL(name); \
    char path[PATH_MAX]; \
    if (!path_of(fd, path)) return real(fd, bytes, length, offset); \
    FAIL_IF(WRITE, path); \
    ssize_t done = real(fd, bytes, length, offset); \
    wrote(fd, path, offset, bytes, done); \
    return done; \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

// Vectors are taken apart: a short write at the end of one part is allowed by the interface.
#define PWRITEV(name, offset_type) \
  ssize_t name(int fd, const struct iovec *parts, int count, offset_type offset) { \
    REAL(name); \
    char path[PATH_MAX]; \
    if (!path_of(fd, path)) return real(fd, parts, count, offset); \
    ssize_t all = 0; \
    for (int n = 0; n < count; n++) { \
      ssize_t done = pwrite(fd, parts[n].iov_base, parts[n].iov_len, offset + all); \
      if (done < 0) return all ? all : -1; \
      all += done; \
      if ((size_t)done < parts[n].iov_len) break; \
    } \
    return all; \
  }
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)

ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(writev);
  char path[PATH_MAX];
  if (!path_of(fd, path)) return real(fd, parts, count);
  ssize_t all = 0;
  for (int n = 0; n < count; n++) {
    ssize_t done = write(fd, parts[n].iov_base, parts[n].iov_len);
    if (done < 0) return all ? all : -1;
    all += done;
    if ((size_t)done < parts[n].iov_len) break;
  }
  return all;
}

// ---- sizes

#define TRUNCATE(name, offset_type) \
  int name(int fd, offset_type size) { \
    REAL(name); \
    char path[PATH_MAX]; \
    if (!path_of(fd, path)) return real(fd, size); \
    FAIL_IF(RESIZE, path); \
    int done = real(fd, size); \
    if (done == 0) note('T', path, inode_of(fd, NULL), size, 0, 0, NULL, 0); \
    return done; \
  }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define ALLOCATE(name, offset_type) \
  int name(int fd, offset_type offset, offset_type length) { \
    REAL(name); \
    char path[PATH_MAX]; \
    if (!path_of(fd, path)) return real(fd, offset, length); \
    int error = fails(WRITE | RESIZE, path); \
    if (error) return error; \
    int done = real(fd, offset, length); \
    if (done == 0) note('A', path, inode_of(fd, NULL), offset, length, 0, NULL, 0); \
    return done; \
  }
ALLOCATE(posix_fallocate, off_t)
ALLOCATE(posix_fallocate64, off64_t)

// ---- syncing: the log has where it began and where and how it ended

static int synced(int fd, const char *path) {
  static int64_t tickets;
  int folder = 0;
  uint64_t inode = inode_of(fd, &folder);
  int64_t ticket = (int64_t)getpid() << 32 | (__atomic_fetch_add(&tickets, 1, __ATOMIC_SEQ_CST) & 0xffffffff);
  note('B', path, inode, ticket, folder, 0, NULL, 0);
  if (control && control->sync_us) usleep((useconds_t)control->sync_us);
  int error = fails(SYNC, path);
  note('E', path, inode, ticket, folder, error, NULL, 0);
  if (!error) return 0;
  errno = error;
  return -1;
}

#define SYNCS(name) \
  int name(int fd) { \
    REAL(name); \
    char path[PATH_MAX]; \
    return path_of(fd, path) ? synced(fd, path) : real(fd); \
  }
SYNCS(fsync)
SYNCS(fdatasync)

// ---- names

static int opened(int fd, int flags, int was_there, int64_t size_before) {
  char path[PATH_MAX];
  if (fd < 0 || !path_of(fd, path)) return fd;
  if (!was_there) note('C', path, inode_of(fd, NULL), 0, 0, 0, NULL, 0);
  else if ((flags & O_TRUNC) && size_before > 0) note('T', path, inode_of(fd, NULL), 0, 0, 0, NULL, 0);
  return fd;
}

#define OPENS(name, given, dir_parameter, at, call) \
  int name(dir_parameter const char *given, int flags, ...) { \
    REAL(name); \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
      va_list rest; \
      va_start(rest, flags); \
      mode = va_arg(rest, mode_t); \
      va_end(rest); \
    } \
    char path[PATH_MAX]; \
    if (!(flags & (O_CREAT | O_TRUNC)) || !path_at(given, path)) return call; \
    struct stat about; \
    int was_there = fstatat(at, given, &about, 0) == 0; \
    if (!was_there) FAIL_IF(CREATE, path); \
    return opened(call, flags, was_there, was_there ? about.st_size : 0); \
  }
#define NONE
OPENS(open, given, NONE, AT_FDCWD, real(given, flags, mode))
OPENS(open64, given, NONE, AT_FDCWD, real(given, flags, mode))
#define DIR_PARAMETER int dir,
OPENS(openat, given, DIR_PARAMETER, dir, real(dir, given, flags, mode))
OPENS(openat64, given, DIR_PARAMETER, dir, real(dir, given, flags, mode))

int rename(const char *from, const char *to) {
  REAL(rename);
  char old[PATH_MAX], new[PATH_MAX];
  if (!path_at(from, old) || !path_at(to, new)) return real(from, to);
  FAIL_IF(RENAME, new);
  int done = real(from, to);
  struct stat about;
  if (done == 0 && stat(to, &about) == 0)
    note('R', old, about.st_ino, (int64_t)strlen(new), S_ISDIR(about.st_mode), 0, new, strlen(new));
  return done;
}

#define NAMES(name, kind, parameters, ...) \
  int name parameters { \
    REAL(name); \
    char path[PATH_MAX]; \
    int ours = path_at(given, path); \
    int done = real(__VA_ARGS__); \
    if (done == 0 && ours) note(kind, path, 0, 0, 0, 0, NULL, 0); \
    return done; \
  }
NAMES(unlink, 'U', (const char *given), given)
NAMES(rmdir, 'X', (const char *given), given)
NAMES(mkdir, 'M', (const char *given, mode_t mode), given, mode)

// ---- the clock

static void move(struct timespec *at) {
  if (!control || !control->clock_ns) return;
  int64_t ns = at->tv_nsec + control->clock_ns % 1000000000;
  at->tv_sec += control->clock_ns / 1000000000 + (ns < 0 ? -1 : ns / 1000000000);
  at->tv_nsec = (ns % 1000000000 + 1000000000) % 1000000000;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
  REAL(clock_gettime);
  int done = real(clock, at);
  if (done == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) move(at);
  return done;
}

int gettimeofday(struct timeval *at, void *zone) {
  (void)zone;
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
  at->tv_sec = now.tv_sec;
  at->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *at) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (at) *at = now.tv_sec;
  return now.tv_sec;
}
