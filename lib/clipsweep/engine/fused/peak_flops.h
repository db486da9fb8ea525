// How fast one core can multiply and add at best: the floor under every engine.
#pragma once

namespace clipsweep {

// Float32 operations per second of one core, an addition and a multiplication each counted, with
// the instruction set in use: independent fused multiply-adds in registers. Takes 20 milliseconds.
double peak_flops();

}  // namespace clipsweep
