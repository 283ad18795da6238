/* A disk that takes two milliseconds longer for each sync, for a process that is started with it:
 *
 *   cc -shared -fPIC -o target/slow_disk.so benches/token/slow_disk.c
 *   LD_PRELOAD=$PWD/target/slow_disk.so target/release/deps/token-... shared ES256
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static int slowly(const char *name, int file) {
    const struct timespec two_milliseconds = {0, 2000000};
    int (*sync)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    nanosleep(&two_milliseconds, NULL);
    return sync(file);
}

int fsync(int file) { return slowly("fsync", file); }
int fdatasync(int file) { return slowly("fdatasync", file); }
