#include "clipsweep/clipping/clip_rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// `parse_number`, but NaN where the text is no number: no comparison accepts it.
double number_or_nan(std::string_view text) {
  return parse_number(text).value_or(std::numeric_limits<double>::quiet_NaN());
}

double parse_decay(std::string_view text) {
  const double decay = number_or_nan(text);
  if (decay >= 0 && decay < 1) return decay;
  throw ConfigError("must be a number from 0 to below 1");
}

std::uint64_t parse_warmup(std::string_view text, std::uint64_t least) {
  constexpr std::uint64_t kMax = 1'000'000'000;
  if (const auto steps = parse_count(text); steps && *steps >= least && *steps <= kMax)
    return *steps;
  throw ConfigError(
      fmt::format("must be a number of steps from {} to {}", least, with_thousands(kMax)));
}

double parse_norm_type(std::string_view text) {
  const double type = number_or_nan(text);
  if (type == 1 || type == 2 || type == kInfinity) return type;
  throw ConfigError("must be 1, 2 or inf");
}

double parse_finite(std::string_view text, bool zero_allowed) {
  const double value = number_or_nan(text);
  if ((zero_allowed ? value >= 0 : value > 0) && std::isfinite(value)) return value;
  throw ConfigError(zero_allowed ? "must be a finite number from 0"
                                 : "must be a finite number above 0");
}

bool parse_agc_output(std::string_view text) {
  if (text == "clip" || text == "leave") return text == "clip";
  throw ConfigError(fmt::format("unknown name \"{}\"{}; allowed: clip, leave", printable(text),
                                did_you_mean(text, {"clip", "leave"})));
}

bool has_default(const ClipRule& rule, const ClipOptionEntry& option) {
  return option.value(rule.options) == option.value(ClipOptions{});
}

// As the table's `assign` reads it.
std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : to_line(value);
}

}  // namespace

const std::vector<ClipModeEntry>& clip_modes() {
  using Kind = ThresholdKind;
  static const std::vector<ClipModeEntry> kModes = {
      {ClipMode::kNone, "none", Kind::kNone, false, {}, "leaves the gradient as it is"},
      {ClipMode::kValue,
       "value",
       Kind::kPositive,
       true,
       {"clipvalue", "clip_grad_value_"},
       "limits each element to [-threshold, threshold]"},
      {ClipMode::kGlobalNorm,
       "global-norm",
       Kind::kPositive,
       true,
       {"global_clipnorm", "clip_grad_norm_", "global_norm"},
       "scales the whole gradient down to norm = threshold"},
      {ClipMode::kTensorNorm,
       "tensor-norm",
       Kind::kPositive,
       true,
       {"clipnorm", "tensor_norm"},
       "scales each parameter tensor's gradient by its own norm"},
      {ClipMode::kScale,
       "scale",
       Kind::kPositive,
       false,
       {},
       "always rescales the whole gradient to norm = threshold"},
      {ClipMode::kTensorRms,
       "tensor-rms",
       Kind::kPositive,
       false,
       {"clip_by_block_rms", "tensor_rms"},
       "scales each parameter tensor's gradient by its root mean square"},
      {ClipMode::kAgc,
       "agc",
       Kind::kPositive,
       false,
       {"adaptive_grad_clip"},
       "limits each unit's gradient to a share of its weights' norm"},
      {ClipMode::kAutoclip,
       "autoclip",
       Kind::kPercentile,
       false,
       {},
       "limits the norm to a percentile of the norms so far"},
      {ClipMode::kZclip,
       "zclip",
       Kind::kPositive,
       false,
       {},
       "limits norms that lie far above their moving average"},
      {ClipMode::kAdagc,
       "adagc",
       Kind::kPositive,
       false,
       {},
       "limits each tensor's norm to a multiple of its moving average"},
      {ClipMode::kBackprop,
       "backprop",
       Kind::kPositive,
       false,
       {},
       "limits each error derivative on its way back through time"},
      {ClipMode::kRandomStep,
       "random-step",
       Kind::kPositive,
       false,
       {"random_step"},
       "replaces a too large gradient by a random one of norm = threshold"},
  };
  return kModes;
}

const ClipModeEntry& entry_of(ClipMode mode) {
  for (const auto& entry : clip_modes())
    if (entry.mode == mode) return entry;
  throw std::logic_error("entry_of: a clipping mode is missing from the table");
}

ClipMode parse_clip_mode(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& entry : clip_modes()) {
    if (name == entry.name || std::count(entry.aliases.begin(), entry.aliases.end(), name))
      return entry.mode;
    names.emplace_back(entry.name);
  }
  throw ConfigError(fmt::format("unknown clipping mode \"{}\"{}; allowed: {}", printable(name),
                                did_you_mean(name, names), join(names)));
}

void check_threshold(ClipMode mode, double threshold, FloatType type) {
  if (threshold == kInfinity) return;
  const auto& entry = entry_of(mode);
  if (entry.threshold == ThresholdKind::kPercentile) {
    if (threshold >= 0 && threshold <= 100) return;
    throw ConfigError(
        fmt::format("the threshold of mode {} is a percentile from 0 to 100, or inf to only "
                    "measure, not {}",
                    entry.name, shortest(threshold)));
  }
  // The limit acts on gradients of this type, so it must neither vanish nor overflow there.
  const bool is_single = type == FloatType::kFloat32;
  const double limit = is_single ? static_cast<double>(static_cast<float>(threshold)) : threshold;
  if (limit > 0 && std::isfinite(limit)) return;
  throw ConfigError(fmt::format(
      "a threshold must be above 0 and at most {}, or inf to only measure, not {}; to switch "
      "clipping off use mode none",
      is_single ? "3.4e38 (float32)" : "1.8e308 (float64)", shortest(threshold)));
}

const std::vector<ClipOptionEntry>& clip_options() {
  static const std::vector<ClipMode> kNormModes = {ClipMode::kGlobalNorm, ClipMode::kTensorNorm,
                                                   ClipMode::kScale};
  static const std::vector<ClipOptionEntry> kOptions = {
      {"norm_type", "norm", "P", "The norm that the norm modes go by: 1, 2 or inf", kNormModes,
       [](auto& options, auto text) { options.norm_type = parse_norm_type(text); },
       [](const auto& options) { return json_number(options.norm_type); }},
      {"clip_epsilon", "eps", "X",
       "What the norm modes add to a norm; PyTorch's clip_grad_norm_ adds 1e-6", kNormModes,
       [](auto& options, auto text) { options.epsilon = parse_finite(text, true); },
       [](const auto& options) { return json_number(options.epsilon); }},
      {"agc_output",
       "output",
       "NAME",
       "Whether agc clips the output layer too: clip, leave",
       {ClipMode::kAgc},
       [](auto& options, auto text) { options.agc_clips_output = parse_agc_output(text); },
       [](const auto& options) { return Json(options.agc_clips_output ? "clip" : "leave"); }},
      {"zclip_decay",
       "decay",
       "X",
       "How slowly zclip's mean and variance move, from 0 to below 1",
       {ClipMode::kZclip},
       [](auto& options, auto text) { options.zclip_decay = parse_decay(text); },
       [](const auto& options) { return json_number(options.zclip_decay); }},
      {"zclip_warmup",
       "warmup",
       "N",
       "Steps from which zclip takes its first mean and variance",
       {ClipMode::kZclip},
       [](auto& options, auto text) { options.zclip_warmup = parse_warmup(text, 1); },
       [](const auto& options) { return Json(options.zclip_warmup); }},
      {"adagc_decay",
       "decay",
       "X",
       "How slowly adagc's averages move, from 0 to below 1",
       {ClipMode::kAdagc},
       [](auto& options, auto text) { options.adagc_decay = parse_decay(text); },
       [](const auto& options) { return json_number(options.adagc_decay); }},
      {"adagc_warmup",
       "warmup",
       "N",
       "Steps on which adagc clips by the global norm instead",
       {ClipMode::kAdagc},
       [](auto& options, auto text) { options.adagc_warmup = parse_warmup(text, 0); },
       [](const auto& options) { return Json(options.adagc_warmup); }},
      {"adagc_warmup_norm",
       "warmup-norm",
       "X",
       "The limit of that global norm",
       {ClipMode::kAdagc},
       [](auto& options, auto text) { options.adagc_warmup_norm = parse_finite(text, false); },
       [](const auto& options) { return json_number(options.adagc_warmup_norm); }},
  };
  return kOptions;
}

bool applies_to(ClipMode mode, const ClipOptionEntry& option) {
  return std::count(option.modes.begin(), option.modes.end(), mode) > 0;
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
    if (!applies_to(rule.mode, option) || has_default(rule, option)) continue;
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
    if (applies_to(rule.mode, option) && !has_default(rule, option))
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
    if (entry.takes_output_threshold && json.contains("output_threshold")) {
      rule.output_threshold = number_member(json, "output_threshold");
      check_threshold(rule.mode, *rule.output_threshold);
    }
    for (const auto& option : clip_options())
      if (applies_to(rule.mode, option) && json.contains(option.key))
        option.assign(rule.options, text_of(json[option.key]));
  } catch (const ConfigError& error) {
    throw DataError(error.what());
  }
  return rule;
}

}  // namespace clipsweep
