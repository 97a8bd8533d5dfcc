/* Lets one call to the medium fail, below SQLite and Python alike. Loaded with LD_PRELOAD; armed from inside.
 *
 * Counted are calls about regular files and folders only: fsync and fdatasync ("flush"), or all ways to write.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static int armed_kind, armed_error, stays;
static long left, hits;
static char path[4096];

/* kind 1: flush, 2: write; the n-th call fails with error, and with for_ever all that follow. 0 disarms. */
void fault_arm(int kind, long n, int error, int for_ever) {
    armed_kind = kind, left = n, armed_error = error, stays = for_ever, hits = 0;
}

long fault_hits(void) { return hits; }

/* The file that the first failing call was about. */
const char *fault_path(void) { return path; }

static int fails(int kind, int fd) {
    struct stat file;
    if (armed_kind != kind || fstat(fd, &file) != 0) return 0;
    if (!S_ISREG(file.st_mode) && !S_ISDIR(file.st_mode)) return 0;
    if (--left > 0 || (left < 0 && !stays)) return 0;
    if (hits++ == 0) {
        char name[64];
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(name, path, sizeof path - 1);
        path[length < 0 ? 0 : length] = 0;
    }
    errno = armed_error;
    return 1;
}

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

int fsync(int fd) { REAL(fsync); return fails(1, fd) ? -1 : real(fd); }
int fdatasync(int fd) { REAL(fdatasync); return fails(1, fd) ? -1 : real(fd); }
ssize_t write(int fd, const void *data, size_t size) {
    REAL(write);
    return fails(2, fd) ? -1 : real(fd, data, size);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    REAL(pwrite);
    return fails(2, fd) ? -1 : real(fd, data, size, at);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    REAL(pwrite64);
    return fails(2, fd) ? -1 : real(fd, data, size, at);
}
