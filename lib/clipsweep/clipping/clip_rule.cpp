#include "clipsweep/clipping/clip_rule.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

bool has_default(const ClipRule& rule, const ClipOptionEntry& option) {
  return option.value(rule.options) == option.value(ClipOptions{});
}

// A percentile does not decay: it follows the norms already.
std::vector<ClipMode> modes_that_decay() {
  std::vector<ClipMode> modes;
  for (const auto& entry : clip_modes())
    if (entry.threshold == ThresholdKind::kPositive) modes.push_back(entry.mode);
  return modes;
}

ClipOptionEntry of_epochs(ClipOptionEntry entry) {
  entry.needs_epochs = true;
  return entry;
}

// In the notation that an option's `assign` reads.
std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : to_line(value);
}

}  // namespace

const std::vector<ClipOptionEntry>& clip_options() {
  using Options = ClipOptions;
  const auto row = [](std::vector<ClipMode> modes, const char* slug, OptionEntry<Options> entry) {
    return ClipOptionEntry{{std::move(entry), std::move(modes)}, slug};
  };
  const std::vector<ClipMode> norm_modes = {ClipMode::kGlobalNorm, ClipMode::kTensorNorm,
                                            ClipMode::kScale};
  constexpr std::uint64_t kMaxWarmup = 1'000'000'000;
  constexpr std::uint64_t kMaxWindow = 1'000'000;
  static const std::vector<ClipOptionEntry> kOptions = {
      row(norm_modes, "norm",
          with_names(option("norm-type", "P", &Options::norm_type, parse_norm_type,
                            "Norm that the norm modes measure: 1, 2 or inf"),
                     {"1", "2", "inf"})),
      row(norm_modes, "eps",
          option("clip-epsilon", "X", &Options::epsilon, parse_nonnegative,
                 "Added to the norm by the norm modes; PyTorch's clip_grad_norm_ adds 1e-6")),
      row({ClipMode::kAgc}, "output",
          with_names(option(
                         "agc-output", "NAME", &Options::agc_clips_output,
                         [](std::string_view text) {
                           return parse_name("choice", text, {"clip", "leave"}) == "clip";
                         },
                         "Whether agc clips the output layer too: clip, leave",
                         [](const Options& options) {
                           return Json(options.agc_clips_output ? "clip" : "leave");
                         }),
                     {"clip", "leave"})),
      row({ClipMode::kAutoclip}, "window",
          whole("autoclip-window", &Options::autoclip_window, 0, kMaxWindow,
                "Last norms that autoclip takes its percentile of; 0 is all so far")),
      row({ClipMode::kMedian}, "window",
          whole("median-window", &Options::median_window, 1, kMaxWindow,
                "Last norms that median takes its median of")),
      row({ClipMode::kZclip}, "decay",
          option("zclip-decay", "X", &Options::zclip_decay, parse_decay,
                 "Decay of zclip's moving mean and variance, from 0 to below 1")),
      row({ClipMode::kZclip}, "warmup",
          whole("zclip-warmup", &Options::zclip_warmup, 1, kMaxWarmup,
                "Warm-up steps from which zclip takes its first mean and variance")),
      row({ClipMode::kAdagc}, "decay",
          option("adagc-decay", "X", &Options::adagc_decay, parse_decay,
                 "Decay of adagc's moving averages, from 0 to below 1")),
      row({ClipMode::kAdagc}, "warmup",
          whole("adagc-warmup", &Options::adagc_warmup, 0, kMaxWarmup,
                "Warm-up steps on which adagc clips by the global norm instead")),
      row({ClipMode::kAdagc}, "warmup-norm",
          option("adagc-warmup-norm", "X", &Options::adagc_warmup_norm, parse_positive,
                 "Limit of the global norm during adagc's warm-up")),
      of_epochs(row(modes_that_decay(), "decay-by",
                    option("threshold-decay", "FACTOR", &Options::threshold_decay, parse_fraction,
                           "Factor applied to the thresholds every --threshold-decay-every epochs; "
                           "1 is a constant threshold"))),
      of_epochs(row(modes_that_decay(), "every",
                    whole("threshold-decay-every", &Options::threshold_decay_every, 1, 1'000'000,
                          "Epochs between decays of the thresholds")))};
  return kOptions;
}

ClipRule rule_in_epoch(std::uint64_t epoch, const ClipRule& rule) {
  if (rule.options.threshold_decay == 1) return rule;
  ClipRule now = rule;
  const auto decays = static_cast<double>((epoch - 1) / rule.options.threshold_decay_every);
  const double factor = std::pow(rule.options.threshold_decay, decays);
  now.threshold *= factor;
  if (now.output_threshold) *now.output_threshold *= factor;
  now.options.threshold_decay = ClipOptions{}.threshold_decay;
  now.options.threshold_decay_every = ClipOptions{}.threshold_decay_every;
  return now;
}

bool operator==(const ClipRule& a, const ClipRule& b) { return to_json(a) == to_json(b); }

std::string to_text(const ClipRule& rule) {
  const auto& entry = entry_of(rule.mode);
  return entry.takes_threshold() ? fmt::format("{}:{}", entry.name, shortest(rule.threshold))
                                 : entry.name;
}

std::string slug_of(const ClipRule& rule) {
  const auto& entry = entry_of(rule.mode);
  std::string slug = entry.name;
  if (entry.takes_threshold()) slug += "-" + shortest(rule.threshold);
  if (rule.output_threshold) slug += "_out-" + shortest(*rule.output_threshold);
  for (const auto& option : clip_options()) {
    if (!option.applies_to(rule.mode) || has_default(rule, option)) continue;
    const std::string value = text_of(option.value(rule.options));
    slug += fmt::format("_{}-{}", option.slug, value == "Infinity" ? "inf" : value);
  }
  return slug;
}

Json to_json(const ClipRule& rule) {
  const auto& entry = entry_of(rule.mode);
  Json json = {
      {"mode", entry.name},
      {"threshold", entry.takes_threshold() ? json_number(rule.threshold) : Json(nullptr)}};
  if (rule.output_threshold) json["output_threshold"] = json_number(*rule.output_threshold);
  for (const auto& option : clip_options())
    if (option.applies_to(rule.mode) && !has_default(rule, option))
      json[option.key] = option.value(rule.options);
  return json;
}

ClipRule clip_rule_from_json(const Json& json) {
  ClipRule rule;
  try {
    rule.mode = parse_clip_mode(string_member(json, "mode"));
    const auto& entry = entry_of(rule.mode);
    if (entry.takes_threshold()) {
      rule.threshold = number_member(json, "threshold");
      check_threshold(rule.mode, rule.threshold);
    }
    if (entry.takes_output_threshold() && json.contains("output_threshold")) {
      rule.output_threshold = number_member(json, "output_threshold");
      check_threshold(rule.mode, *rule.output_threshold);
    }
    for (const auto& option : clip_options())
      if (option.applies_to(rule.mode) && json.contains(option.key))
        option.assign(rule.options, text_of(json[option.key]));
  } catch (const ConfigError& error) {
    throw DataError(error.what());
  }
  return rule;
}

}  // namespace clipsweep
