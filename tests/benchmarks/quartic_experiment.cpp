// Prints results/quartic/iterations.csv: how many iterations gradient descent needs on an
// (L0, L1)-smooth function, for growing L1, with the best learning rate and threshold of each mode.
// Not a test: scripts/reproduce runs it.

#include <fmt/format.h>

#include "support/quartic.h"

int main() {
  using namespace clipsweep;
  constexpr long kMost = 500'000;
  fmt::print("l1,mode,learning_rate,threshold,mean_iterations\n");
  for (const double l1 : {1, 4, 16, 64, 256})
    for (const ClipMode mode : {ClipMode::kNone, ClipMode::kGlobalNorm, ClipMode::kSmooth}) {
      const auto best = tuned_descent({1, l1}, mode, kMost);
      if (best)
        fmt::print("{},{},{},{},{}\n", l1, to_text(mode), best->learning_rate,
                   mode == ClipMode::kNone ? "" : fmt::format("{}", best->threshold),
                   best->mean_iterations);
      else
        fmt::print("{},{},,,\n", l1, to_text(mode));
    }
}
