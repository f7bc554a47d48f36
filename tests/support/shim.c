/* Put before the C library (LD_PRELOAD): a wall clock that is wrong and disks that are slow, as the file that
   POLLSVC_TEST_SHIM names says at any moment: two 64-bit numbers, nanoseconds that the clock is ahead and
   microseconds that a sync takes longer. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t nothing[2];
static const volatile int64_t *faults = nothing;
static int (*real_clock)(clockid_t, struct timespec *);
static int (*real_fdatasync)(int), (*real_fsync)(int);

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("POLLSVC_TEST_SHIM");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    real_clock = dlsym(RTLD_NEXT, "clock_gettime");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    if (file >= 0) {
        void *mapped = mmap(NULL, sizeof nothing, PROT_READ, MAP_SHARED, file, 0);
        if (mapped != MAP_FAILED)
            faults = mapped;
        close(file);
    }
}

int clock_gettime(clockid_t which, struct timespec *now) {
    if (!real_clock) /* somebody's constructor came first */
        real_clock = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real_clock(which, now);
    if (!failed && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) {
        int64_t then = now->tv_sec * INT64_C(1000000000) + now->tv_nsec + faults[0];
        now->tv_sec = then / INT64_C(1000000000);
        now->tv_nsec = then % INT64_C(1000000000);
    }
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *also) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (also)
        *also = exact.tv_sec;
    return exact.tv_sec;
}

int fdatasync(int file) {
    usleep(faults[1]);
    return real_fdatasync(file);
}

int fsync(int file) {
    usleep(faults[1]);
    return real_fsync(file);
}
