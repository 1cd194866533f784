// What the sanitizers are told in every sanitized program, wherever and by whomever it is started.
// The names are the ones their run-time libraries look for.
#include <cstdlib>

extern "C" {

// Under mpirun, stacks go through libraries without frame pointers: only the slow way of unwinding them meets
// the names suppressed below. It triples the time of a program, so the others do without.
const char* __asan_default_options() {
    return std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr ? "fast_unwind_on_malloc=0:malloc_context_size=12"
                                                          : "fast_unwind_on_malloc=1";
}

const char* __ubsan_default_options() { return "print_stacktrace=1"; }

const char* __tsan_default_options() { return "second_deadlock_stack=1:handle_segv=0:handle_abort=0"; }

// What libraries keep until the process ends. A leak of ours is still reported: it has none of these in its
// stack.
const char* __lsan_default_suppressions() {
    return "leak:libmpi.so\nleak:libopen-pal.so\nleak:libopen-rte.so\nleak:libpmix.so\nleak:libhwloc.so\n"
           "leak:libevent\nleak:mca_\nleak:libfontconfig.so\n";
}

// Open MPI and what it stands on are not built with ThreadSanitizer: it does not see their locks and
// barriers.
const char* __tsan_default_suppressions() {
    return "race:libmpi.so\nrace:libopen-pal.so\nrace:libopen-rte.so\nrace:libpmix.so\nrace:libevent\nrace:"
           "mca_\n"
           "deadlock:libopen-pal.so\ndeadlock:libpmix.so\ndeadlock:libevent\ndeadlock:mca_\n"
           "mutex:libopen-pal.so\nmutex:libpmix.so\nmutex:libevent\nmutex:mca_\n"
           "thread:libopen-pal.so\nthread:libpmix.so\nthread:mca_\n";
}
}
