#include "clipsweep/statistics/survival.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <cmath>

#include "clipsweep/base/error.h"
#include "clipsweep/statistics/interval.h"

namespace clipsweep {
namespace {

// The share left with its 95 % interval, after some time.
struct ShareLeft {
  double share;
  double lower;
  double upper;
};

// `sum` is Greenwood's, of d / (n (n - d)) over the times.
ShareLeft share_left(double share, double sum) {
  if (share <= 0) return {0, 0, 0};
  const double z = boost::math::quantile(boost::math::normal(), 1 - kSignificanceLevel / 2);
  const double width = std::exp(z * std::sqrt(sum) / std::abs(std::log(share)));
  return {share, std::pow(share, width), std::pow(share, 1 / width)};
}

void set_once(std::optional<double>& end, double share, double time) {
  // Rounding can leave a half above a half.
  if (!end && share <= 0.5 + 1e-12) end = time;
}

}  // namespace

MedianDuration median_duration(std::vector<Duration> durations) {
  for (const Duration& duration : durations)
    require(duration.time > 0 && (!duration.happened || std::isfinite(duration.time)),
            "median_duration: needs times > 0");
  std::sort(durations.begin(), durations.end(),
            [](const Duration& a, const Duration& b) { return a.time < b.time; });
  MedianDuration result;
  result.n = durations.size();
  double share = 1;
  double sum = 0;
  for (std::size_t begin = 0; begin < durations.size();) {
    const double time = durations[begin].time;
    std::size_t end = begin;
    std::uint64_t happened = 0;
    for (; end < durations.size() && durations[end].time == time; ++end)
      happened += durations[end].happened ? 1 : 0;
    const auto left = static_cast<double>(durations.size() - begin);
    begin = end;
    if (happened == 0) continue;
    result.happened += happened;
    const auto events = static_cast<double>(happened);
    share = events == left ? 0 : share * (1 - events / left);
    sum += events == left ? 0 : events / (left * (left - events));
    const ShareLeft now = share_left(share, sum);
    set_once(result.lower, now.lower, time);
    set_once(result.median, now.share, time);
    set_once(result.upper, now.upper, time);
  }
  return result;
}

}  // namespace clipsweep
