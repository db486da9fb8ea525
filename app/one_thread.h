// Holding OpenBLAS and OpenMP to one thread each: the parallelism is over cohorts, and their own
// threads make a run of this size 10 to 20 times slower.
#pragma once

namespace clipsweep {

// Sets what both read when they are loaded, for programs started from here; Debian's builds know no
// other way.
void set_one_thread_environment();

// Whether this program was started so.
bool has_one_thread_environment();

}  // namespace clipsweep
