// Limits OpenBLAS and OpenMP to one thread each: clipsweep parallelizes over cohorts, and threads
// inside a run of this size make it 10 to 20 times slower.
#pragma once

namespace clipsweep {

// Sets the environment variables that both read when they are loaded, for programs started from
// here. Debian's builds can be limited in no other way.
void set_one_thread_environment();

// Whether this program was started with these variables.
bool has_one_thread_environment();

}  // namespace clipsweep
