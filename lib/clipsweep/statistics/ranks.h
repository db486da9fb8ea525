// Wilcoxon's test of differences by their ranks.
#pragma once

#include <vector>

namespace clipsweep {

// The two-sided p-value of Wilcoxon's (1945) signed-rank test: of differences that are symmetric
// around zero. A small one therefore means that the differences are not centred at zero or not
// symmetric; it is no test of the mean. Zeros are left out; equal sizes share their mean rank, and
// infinite sizes are equal. Exact for up to 50 differences, by the normal approximation for more.
// Returns 1 if all are zero.
double signed_rank_p_value(const std::vector<double>& differences);

}  // namespace clipsweep
