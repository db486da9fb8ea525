// The peak multiply-add rate of one core: the upper bound for every engine.
#pragma once

namespace clipsweep {

// Measures the float32 operations per second of one core with the instruction set in use, by
// independent fused multiply-adds in registers; each counts as two. Takes 20 milliseconds.
double peak_flops();

}  // namespace clipsweep
