/*
 * Writes down every change that a process makes below one directory: the power-cut simulator's witness (LD_PRELOAD).
 *
 *   STORE_HUB_POWER_DIRECTORY   the directory: absolute, without symbolic links
 *   STORE_HUB_POWER_TRACE       the trace: records are appended, each by one write, so that their order is one for all threads and processes
 *   STORE_HUB_POWER_FAIL        with .write or .flush behind it, the name of a file: it holds the end of a path, and such a call on such a path fails with EIO.
 *                               Whoever removes the file is the one that fails. With .unheard, a flush fails and says that it did not
 *
 * - A change is recorded AFTER its system call, a flush at its begin and at its end. So a change recorded before a flush began was made before
 *   it, and is durable when that flush has ended; nothing else is taken to be.
 * - sync_file_range is not looked at: it promises nothing about a file's size or a drive's cache.
 * - *-shm and *.sock are not looked at: SQLite maps the one and builds it anew after a crash, and the other holds nothing.
 * - Copies inside the kernel are refused as file systems may refuse them: who asks for one reads and writes instead.
 * - What this file can't follow (a writable shared mapping, links) ends the process loudly when it touches the directory.
 *
 * Each function makes its system call itself, so nothing of libc's need be looked up. For Linux with a 64-bit off_t.
 */
#define _GNU_SOURCE
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
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

_Static_assert(sizeof(off_t) == 8, "a 64-bit off_t");

/* As in record.rs. */
enum kind {
    CREATED = 1, WRITTEN, RESIZED, EXTENDED, FLUSH_BEGUN, FLUSH_ENDED, RENAMED, REMOVED, MADE_DIRECTORY, FLUSH_FAILED, WRITE_FAILED
};

struct head {
    uint32_t kind;
    uint32_t path_length; /* what follows: a path (or two, with a NUL between) */
    uint64_t data_length; /* and then data */
    uint64_t file;        /* inode */
    uint64_t number;      /* an offset, a size, a flush's ticket */
};

static char directory[PATH_MAX];
static size_t directory_length;
static int trace = -1;
static char fail_write[PATH_MAX], fail_flush[PATH_MAX], fail_unheard[PATH_MAX];

static void fail(const char *what, const char *path) {
    dprintf(2, "power trace: %s: %s\n", what, path);
    abort();
}

__attribute__((constructor)) static void begin(void) {
    const char *where = getenv("STORE_HUB_POWER_DIRECTORY"), *to = getenv("STORE_HUB_POWER_TRACE");
    if (!where || !to) return;
    trace = (int)syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (trace < 0) fail("the trace can't be opened", to);
    snprintf(directory, sizeof directory, "%s", where);
    directory_length = strlen(directory);
    const char *failing = getenv("STORE_HUB_POWER_FAIL");
    if (!failing) return;
    snprintf(fail_write, sizeof fail_write, "%s.write", failing);
    snprintf(fail_flush, sizeof fail_flush, "%s.flush", failing);
    snprintf(fail_unheard, sizeof fail_unheard, "%s.unheard", failing);
}

static int ends_with(const char *path, const char *end) {
    size_t length = strlen(path), of_end = strlen(end);
    return length >= of_end && strcmp(path + length - of_end, end) == 0;
}

/* Whether a path is looked at. */
static int is_ours(const char *path) {
    if (!directory_length || strncmp(path, directory, directory_length) != 0) return 0;
    if (path[directory_length] != '/' && path[directory_length] != 0) return 0;
    return !ends_with(path, "-shm") && !ends_with(path, ".sock");
}

/* The path behind a descriptor, also of a file that is removed. */
static int path_of(int fd, char out[PATH_MAX]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, out, PATH_MAX - 1);
    if (length < 0) return 0;
    out[length] = 0;
    char *removed = strstr(out, " (deleted)");
    if (removed) *removed = 0;
    return is_ours(out);
}

/* A path made absolute. */
static int resolve(int at, const char *path, char out[PATH_MAX]) {
    if (!directory_length) return 0;
    if (path[0] == '/') {
        snprintf(out, PATH_MAX, "%s", path);
    } else {
        char base[PATH_MAX];
        if (at == AT_FDCWD) {
            if (!getcwd(base, sizeof base)) return 0;
        } else {
            path_of(at, base);
        }
        if ((size_t)snprintf(out, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) fail("a path is too long", path);
    }
    return is_ours(out);
}

static uint64_t file_of(int fd) {
    struct stat about;
    return fstat(fd, &about) == 0 ? about.st_ino : 0;
}

static void record(enum kind kind, uint64_t file, uint64_t number, const char *path, size_t path_length,
                   const struct iovec *data, int parts, uint64_t data_length) {
    int before = errno;
    struct head head = {kind, (uint32_t)path_length, data_length, file, number};
    struct iovec all[16] = {{&head, sizeof head}, {(void *)path, path_length}};
    int count = 2;
    size_t left = data_length, whole = sizeof head + path_length + data_length;
    for (int part = 0; part < parts && left > 0; part++) {
        if (count == 16) fail("a write has too many parts", directory);
        all[count] = data[part];
        if (all[count].iov_len > left) all[count].iov_len = left;
        left -= all[count++].iov_len;
    }
    if (syscall(SYS_writev, trace, all, count) != (long)whole) fail("the trace can't be written", directory);
    errno = before;
}

static void note(enum kind kind, uint64_t file, uint64_t number) { record(kind, file, number, NULL, 0, NULL, 0, 0); }

static void named(enum kind kind, uint64_t file, uint64_t number, const char *path) {
    record(kind, file, number, path, strlen(path), NULL, 0, 0);
}

/* --- making, naming, removing --- */

static int open_at(int at, const char *path, int flags, mode_t mode) {
    int fd = (int)syscall(SYS_openat, at, path, flags, mode);
    char whole[PATH_MAX];
    if (fd < 0 || !(flags & (O_CREAT | O_TRUNC)) || !resolve(at, path, whole)) return fd;
    if ((flags & O_TMPFILE) == O_TMPFILE) fail("O_TMPFILE is not followed", whole);
    named(CREATED, file_of(fd), (flags & O_TRUNC) ? 1 : 0, whole);
    return fd;
}

#define MODE(flags)                                                            \
    mode_t mode = 0;                                                           \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                     \
        va_list more;                                                          \
        va_start(more, flags);                                                 \
        mode = va_arg(more, mode_t);                                           \
        va_end(more);                                                          \
    }

int open(const char *path, int flags, ...) { MODE(flags) return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return open_at(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE(flags) return open_at(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE(flags) return open_at(at, path, flags, mode); }
int creat(const char *path, mode_t mode) { return open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

int mkdirat(int at, const char *path, mode_t mode) {
    int done = (int)syscall(SYS_mkdirat, at, path, mode);
    char whole[PATH_MAX];
    struct stat about;
    if (done == 0 && resolve(at, path, whole) && stat(whole, &about) == 0) named(MADE_DIRECTORY, about.st_ino, 0, whole);
    return done;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    int done = (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    char both[2 * PATH_MAX], target[PATH_MAX];
    if (done != 0) return done;
    int from_ours = resolve(from_at, from, both), to_ours = resolve(to_at, to, target);
    if (from_ours != to_ours || (from_ours && flags > RENAME_NOREPLACE)) fail("this rename is not followed", from);
    if (!from_ours) return done;
    size_t length = strlen(both) + 1;
    strcpy(both + length, target);
    record(RENAMED, 0, 0, both, length + strlen(target), NULL, 0, 0);
    return done;
}
int renameat(int from_at, const char *from, int to_at, const char *to) { return renameat2(from_at, from, to_at, to, 0); }
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int at, const char *path, int flags) {
    char whole[PATH_MAX];
    int ours = resolve(at, path, whole), done = (int)syscall(SYS_unlinkat, at, path, flags);
    if (done == 0 && ours) named(REMOVED, 0, 0, whole);
    return done;
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

/* --- failing --- */

/* Whether a call on a path is the one that fails: nothing of it is done. */
static int fails(const char *when, const char *path) {
    if (!*when) return 0;
    int before = errno, is_it = 0, asked = (int)syscall(SYS_openat, AT_FDCWD, when, O_RDONLY | O_CLOEXEC, 0);
    if (asked >= 0) {
        char end[64] = "";
        is_it = syscall(SYS_read, asked, end, sizeof end - 1) >= 0 && ends_with(path, end) && syscall(SYS_unlinkat, AT_FDCWD, when, 0) == 0;
        syscall(SYS_close, asked);
    }
    errno = is_it ? EIO : before;
    return is_it;
}

static int write_fails(int fd) {
    char path[PATH_MAX];
    if (fd == trace || !path_of(fd, path) || !fails(fail_write, path)) return 0;
    note(WRITE_FAILED, file_of(fd), 0);
    return 1;
}

/* --- writing --- */

static void written(int fd, off_t at, const struct iovec *data, int parts, ssize_t done) {
    char path[PATH_MAX];
    if (done <= 0 || fd == trace || !path_of(fd, path)) return;
    if (at < 0) at = (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR) - done;
    record(WRITTEN, file_of(fd), (uint64_t)at, NULL, 0, data, parts, (uint64_t)done);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    if (write_fails(fd)) return -1;
    ssize_t done = syscall(SYS_write, fd, bytes, length);
    written(fd, -1, &(struct iovec){(void *)bytes, length}, 1, done);
    return done;
}

ssize_t writev(int fd, const struct iovec *data, int parts) {
    if (write_fails(fd)) return -1;
    ssize_t done = syscall(SYS_writev, fd, data, parts);
    written(fd, -1, data, parts, done);
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
    if (write_fails(fd)) return -1;
    ssize_t done = syscall(SYS_pwrite64, fd, bytes, length, at);
    written(fd, at, &(struct iovec){(void *)bytes, length}, 1, done);
    return done;
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at) { return pwrite(fd, bytes, length, at); }

ssize_t pwritev(int fd, const struct iovec *data, int parts, off_t at) {
    if (write_fails(fd)) return -1;
    ssize_t done = syscall(SYS_pwritev, fd, data, parts, at, 0);
    written(fd, at, data, parts, done);
    return done;
}
ssize_t pwritev64(int fd, const struct iovec *data, int parts, off_t at) { return pwritev(fd, data, parts, at); }

int ftruncate(int fd, off_t size) {
    int done = (int)syscall(SYS_ftruncate, fd, size);
    char path[PATH_MAX];
    if (done == 0 && path_of(fd, path)) note(RESIZED, file_of(fd), (uint64_t)size);
    return done;
}
int ftruncate64(int fd, off_t size) { return ftruncate(fd, size); }

int fallocate(int fd, int mode, off_t at, off_t length) {
    char path[PATH_MAX];
    int ours = path_of(fd, path);
    if (ours && mode != 0) fail("this fallocate is not followed", path);
    int done = (int)syscall(SYS_fallocate, fd, mode, at, length);
    if (done == 0 && ours) note(EXTENDED, file_of(fd), (uint64_t)(at + length));
    return done;
}
int fallocate64(int fd, int mode, off_t at, off_t length) { return fallocate(fd, mode, at, length); }
int posix_fallocate(int fd, off_t at, off_t length) { return fallocate(fd, 0, at, length) == 0 ? 0 : errno; }
int posix_fallocate64(int fd, off_t at, off_t length) { return posix_fallocate(fd, at, length); }

/* --- flushing --- */

static int flush(long call, int fd) {
    static uint32_t tickets;
    char path[PATH_MAX];
    if (!path_of(fd, path)) return (int)syscall(call, fd);
    uint64_t file = file_of(fd), ticket = ((uint64_t)getpid() << 32) | __atomic_add_fetch(&tickets, 1, __ATOMIC_RELAXED);
    note(FLUSH_BEGUN, file, ticket);
    int unheard = fails(fail_unheard, path), done = unheard || fails(fail_flush, path) ? -1 : (int)syscall(call, fd);
    note(done == 0 ? FLUSH_ENDED : FLUSH_FAILED, file, ticket);
    return unheard ? 0 : done;
}
int fsync(int fd) { return flush(SYS_fsync, fd); }
int fdatasync(int fd) { return flush(SYS_fdatasync, fd); }

/* --- what can't be followed --- */

void *mmap(void *where, size_t length, int protection, int flags, int fd, off_t at) {
    char path[PATH_MAX];
    if (fd >= 0 && (flags & MAP_SHARED) && (protection & PROT_WRITE) && path_of(fd, path)) fail("a writable mapping", path);
    return (void *)syscall(SYS_mmap, where, length, protection, flags, fd, at);
}
void *mmap64(void *where, size_t length, int protection, int flags, int fd, off_t at) {
    return mmap(where, length, protection, flags, fd, at);
}

static void refuse_descriptor(const char *what, int fd) {
    char path[PATH_MAX];
    if (path_of(fd, path)) fail(what, path);
}
static void refuse_path(const char *what, int at, const char *path) {
    char whole[PATH_MAX];
    if (resolve(at, path, whole)) fail(what, whole);
}

int truncate(const char *path, off_t size) {
    refuse_path("truncate", AT_FDCWD, path);
    return (int)syscall(SYS_truncate, path, size);
}
int truncate64(const char *path, off_t size) { return truncate(path, size); }

int linkat(int from_at, const char *from, int to_at, const char *to, int flags) {
    refuse_path("link", to_at, to);
    return (int)syscall(SYS_linkat, from_at, from, to_at, to, flags);
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int symlinkat(const char *target, int at, const char *path) {
    refuse_path("symlink", at, path);
    return (int)syscall(SYS_symlinkat, target, at, path);
}
int symlink(const char *target, const char *path) { return symlinkat(target, AT_FDCWD, path); }

ssize_t pwritev2(int fd, const struct iovec *data, int parts, off_t at, int flags) {
    refuse_descriptor("pwritev2", fd);
    return syscall(SYS_pwritev2, fd, data, parts, at, 0, flags);
}
ssize_t pwritev64v2(int fd, const struct iovec *data, int parts, off_t at, int flags) {
    return pwritev2(fd, data, parts, at, flags);
}

/* --- copies inside the kernel --- */

static int is_refused(int fd) {
    char path[PATH_MAX];
    if (!path_of(fd, path)) return 0;
    errno = EINVAL;
    return 1;
}

ssize_t copy_file_range(int from, off_t *from_at, int to, off_t *to_at, size_t length, unsigned flags) {
    return is_refused(to) ? -1 : syscall(SYS_copy_file_range, from, from_at, to, to_at, length, flags);
}

ssize_t sendfile(int to, int from, off_t *at, size_t length) {
    return is_refused(to) ? -1 : syscall(SYS_sendfile, to, from, at, length);
}
ssize_t sendfile64(int to, int from, off_t *at, size_t length) { return sendfile(to, from, at, length); }

ssize_t splice(int from, off_t *from_at, int to, off_t *to_at, size_t length, unsigned flags) {
    return is_refused(to) ? -1 : syscall(SYS_splice, from, from_at, to, to_at, length, flags);
}
