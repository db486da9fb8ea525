// Measures how well the statistics of this program cover, on distributions with known truth and on
// the classic example's own runs; the tables of results/statistics.md. Not a test: it takes
// minutes, and scripts/simulate_statistics runs it.
//
//   statistics_simulation results/article/runs.csv [SAMPLES]

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "clipsweep/base/random.h"
#include "clipsweep/base/statistics.h"
#include "clipsweep/statistics/mean_inference.h"
#include "clipsweep/statistics/multiple_comparisons.h"
#include "clipsweep/statistics/sample_size.h"

namespace clipsweep {
namespace {

using Draw = std::function<double(RandomStream&)>;

// ---- The classic example's own runs ----

// Accuracies in points, one per seed and arm, in the order of the seeds.
struct Runs {
  std::vector<double> none_late, perturbed_late, value_late;
  std::vector<double> none_final, perturbed_final, value_final;
};

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream text(line);
  for (std::string field; std::getline(text, field, ',');) fields.push_back(field);
  return fields;
}

// Reads runs.csv, whose runs are in the order of the arms, then of the seeds.
Runs read_runs(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) throw std::runtime_error("cannot read " + path);
  const auto header = fields_of(line);
  const auto column = [&](const char* name) {
    const auto found = std::find(header.begin(), header.end(), name);
    if (found == header.end()) throw std::runtime_error(path + ": no column " + name);
    return static_cast<std::size_t>(found - header.begin());
  };
  const std::size_t mode = column("mode"), perturbed = column("perturbed");
  const std::size_t late = column("late_test_accuracy"), final = column("final_test_accuracy");
  Runs runs;
  while (std::getline(file, line)) {
    const auto fields = fields_of(line);
    const bool clips = fields.at(mode) != "none";
    const bool is_perturbed = fields.at(perturbed) == "true";
    auto& of_late = clips ? runs.value_late : is_perturbed ? runs.perturbed_late : runs.none_late;
    auto& of_final = clips          ? runs.value_final
                     : is_perturbed ? runs.perturbed_final
                                    : runs.none_final;
    of_late.push_back(100 * std::stod(fields.at(late)));
    of_final.push_back(100 * std::stod(fields.at(final)));
  }
  return runs;
}

std::vector<double> minus(const std::vector<double>& values, const std::vector<double>& others) {
  std::vector<double> differences;
  for (std::size_t i = 0; i < values.size(); ++i) differences.push_back(values[i] - others[i]);
  return differences;
}

// ---- Sampling ----

// Calls `sample` with each number below `samples`, on all processors, and returns the mean of what
// it returns.
double mean_over_samples(int samples, const std::function<double(RandomStream&)>& sample) {
  std::vector<double> results(static_cast<std::size_t>(samples));
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i)
    threads.emplace_back([&] {
      for (std::size_t k = next++; k < results.size(); k = next++) {
        RandomStream random(k, "simulation");
        results[k] = sample(random);
      }
    });
  for (auto& thread : threads) thread.join();
  return mean(results);
}

std::vector<double> sample_of(std::size_t n, const Draw& draw, RandomStream& random) {
  std::vector<double> values;
  for (std::size_t i = 0; i < n; ++i) values.push_back(draw(random));
  return values;
}

// Drawn from a list, with replacement.
Draw from(const std::vector<double>& values) {
  return [values](RandomStream& random) { return values[random.below(values.size())]; };
}

// The same with signs exchanged by chance: neither side is better.
Draw with_random_signs(const std::vector<double>& values) {
  return [values](RandomStream& random) {
    const double value = values[random.below(values.size())];
    return random.below(2) == 0 ? value : -value;
  };
}

double percent(double share) { return 100 * share; }

// ---- Coverage ----

struct Distribution {
  const char* name;
  double true_mean;
  Draw draw;
};

double student_t3(RandomStream& random) {
  double squares = 0;
  for (int i = 0; i < 3; ++i) squares += std::pow(random.normal(), 2);
  return random.normal() / std::sqrt(squares / 3);
}

// Normal, but `size` SD better with this probability: the other side collapsed.
Draw with_collapses(double probability, double size) {
  return [=](RandomStream& random) {
    const double value = random.normal();
    return random.uniform() < probability ? value + size : value;
  };
}

std::vector<Distribution> distributions(const Runs& runs) {
  const auto late = minus(runs.value_late, runs.none_late);
  const auto final = minus(runs.value_final, runs.none_final);
  // All but normal symmetric values are moved, so that zero, which the interval of five values
  // always includes, is no better than any other value.
  return {
      {"normal", 0, [](auto& random) { return random.normal(); }},
      {"Student's t, 3 degrees of freedom (heavy tails)", 0, student_t3},
      {"exponential (skew 2)", 1, [](auto& random) { return -std::log(1 - random.uniform()); }},
      {"lognormal (skew 6)", std::exp(0.5), [](auto& random) { return std::exp(random.normal()); }},
      {"normal, 3 % are 20 SD better (collapses)", 0.6, with_collapses(0.03, 20)},
      {"normal, 10 % are 20 SD better", 2, with_collapses(0.1, 20)},
      {"normal, 30 % are 20 SD better", 6, with_collapses(0.3, 20)},
      {"classic example, late accuracy", mean(late), from(late)},
      {"classic example, final accuracy", mean(final), from(final)}};
}

double coverage(std::size_t n, const Distribution& distribution, int samples) {
  return mean_over_samples(samples, [&](RandomStream& random) {
    // Without the extension to zero that intervals of five values have.
    constexpr double kFar = 1e6;
    auto values = sample_of(n, distribution.draw, random);
    const bool is_five = n < kMinPairsForVerdict;
    if (is_five)
      for (double& value : values) value += kFar;
    const Interval interval = infer_mean(values)->interval;
    const double truth = distribution.true_mean + (is_five ? kFar : 0);
    return interval.lower <= truth && truth <= interval.upper ? 1 : 0;
  });
}

void print_coverage(const Runs& runs, int samples) {
  fmt::print("| distribution of the differences | n = 6 | n = 10 | n = 30 |\n|---|---|---|---|\n");
  for (const auto& distribution : distributions(runs)) {
    fmt::print("| {} |", distribution.name);
    for (const std::size_t n : {6, 10, 30})
      fmt::print(" {:.1f} % |", percent(coverage(n, distribution, samples)));
    fmt::print("\n");
    std::fflush(stdout);
  }
}

// ---- Error rates and power ----

double share_different(std::size_t n, const Draw& draw, int samples) {
  return mean_over_samples(samples, [&](RandomStream& random) {
    return infer_mean(sample_of(n, draw, random))->p_value < kSignificanceLevel ? 1 : 0;
  });
}

void print_row_of_shares(const std::string& name, const Draw& draw, int samples) {
  fmt::print("| {} |", name);
  for (const std::size_t n : {6, 10, 30})
    fmt::print(" {:.1f} % |", percent(share_different(n, draw, samples)));
  fmt::print("\n");
  std::fflush(stdout);
}

void print_error_rates(const Runs& runs, int samples) {
  fmt::print("| comparison without a difference | n = 6 | n = 10 | n = 30 |\n|---|---|---|---|\n");
  const auto late = minus(runs.perturbed_late, runs.none_late);
  const auto final = minus(runs.perturbed_final, runs.none_final);
  print_row_of_shares("flipped bit, late accuracy", with_random_signs(late), samples);
  print_row_of_shares("flipped bit, final accuracy", with_random_signs(final), samples);
  print_row_of_shares(
      "normal", [](auto& random) { return random.normal(); }, samples);
  print_row_of_shares("Student's t, 3 degrees of freedom", student_t3, samples);
}

void print_power(const Runs& runs, int samples) {
  fmt::print("| `value:0.5` against `none` | n = 6 | n = 10 | n = 30 |\n|---|---|---|---|\n");
  print_row_of_shares("late accuracy", from(minus(runs.value_late, runs.none_late)), samples);
  print_row_of_shares("final accuracy", from(minus(runs.value_final, runs.none_final)), samples);
}

// ---- The best of several arms ----

// What is printed about the best of arms of equal truth.
struct BestOfEquals {
  double plain = 0;       // the mean difference of the best
  double split_seed = 0;  // split_seed_gain
  double different_alone = 0;
  double different = 0;  // after correction
};

// Arms and a baseline that are all drawn from the baseline's own late accuracies, seed by seed
// independently: which is what flipped bits give.
BestOfEquals best_of_equals(const std::vector<double>& accuracies, std::size_t arms, std::size_t n,
                            int samples) {
  std::vector<BestOfEquals> results(static_cast<std::size_t>(samples));
  std::atomic<std::size_t> next{0};
  mean_over_samples(samples, [&](RandomStream& random) {
    ArmValues values(arms + 1, std::vector<std::optional<double>>(n));
    for (auto& arm : values)
      for (auto& value : arm) value = accuracies[random.below(accuracies.size())];
    const ArmValues baseline = {values.back()};
    values.pop_back();
    ArmValues differences = values;
    std::vector<double> means;
    for (auto& arm : differences) {
      double sum = 0;
      for (std::size_t i = 0; i < n; ++i) {
        arm[i] = *arm[i] - *baseline[0][i];
        sum += *arm[i];
      }
      means.push_back(sum / static_cast<double>(n));
    }
    const auto best =
        static_cast<std::size_t>(std::max_element(means.begin(), means.end()) - means.begin());
    BestOfEquals& result = results[next++];
    result.plain = means[best];
    result.split_seed = *split_seed_gain(values, baseline);
    result.different_alone =
        infer_chosen_mean({differences[best]}, 0)->p_value < kSignificanceLevel;
    result.different = infer_chosen_mean(differences, best)->p_value < kSignificanceLevel;
    return 0.0;
  });
  BestOfEquals sum;
  for (const auto& result : results) {
    sum.plain += result.plain / samples;
    sum.split_seed += result.split_seed / samples;
    sum.different_alone += result.different_alone / samples;
    sum.different += result.different / samples;
  }
  return sum;
}

void print_best_of_equals(const Runs& runs, int samples) {
  fmt::print(
      "| the best of | n | printed difference | on other seeds | called different alone | after "
      "correction |\n|---|---|---|---|---|---|\n");
  for (const std::size_t arms : {2, 5, 20})
    for (const std::size_t n : {10, 30}) {
      const auto best = best_of_equals(runs.none_late, arms, n, samples);
      fmt::print("| {} equal arms | {} | {:+.2f} points | {:+.2f} points | {:.1f} % | {:.1f} % |\n",
                 arms, n, best.plain, best.split_seed, percent(best.different_alone),
                 percent(best.different));
      std::fflush(stdout);
    }
}

// ---- Seeds needed ----

void print_seeds_needed(const Runs& runs, int samples) {
  fmt::print("| seeds needed for one point | n = 6 | n = 10 | n = 30 |\n|---|---|---|---|\n");
  const auto late = minus(runs.value_late, runs.none_late);
  const auto truth = pairs_needed(standard_deviation(late), 1);
  fmt::print("| the range contains the true number ({}) |", truth);
  for (const std::size_t n : {6, 10, 30}) {
    const double share = mean_over_samples(samples, [&](RandomStream& random) {
      const auto range = pairs_needed_range(sample_of(n, from(late), random), 1);
      return range.low <= truth && truth <= range.high ? 1 : 0;
    });
    fmt::print(" {:.1f} % |", percent(share));
  }
  fmt::print("\n");
}

void print_all(const std::string& path, int samples) {
  const Runs runs = read_runs(path);
  fmt::print("Coverage of the 95 % interval, {} samples\n\n", samples);
  print_coverage(runs, samples);
  fmt::print("\nCalled different, {} samples\n\n", samples);
  print_error_rates(runs, samples);
  fmt::print("\n");
  print_power(runs, samples);
  fmt::print("\nArms of equal truth, {} samples\n\n", samples / 4);
  print_best_of_equals(runs, samples / 4);
  fmt::print("\n");
  print_seeds_needed(runs, samples);
}

}  // namespace
}  // namespace clipsweep

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: {} runs.csv [SAMPLES]\n", argv[0]);
    return 2;
  }
  clipsweep::print_all(argv[1], argc > 2 ? std::atoi(argv[2]) : 4000);
}
