#include "clipsweep/clipping/clip_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/clipping/clip_memory.h"
#include "clipsweep/clipping/clip_rule.h"
#include "clipsweep/clipping/clipping.h"
#include "clipsweep/model/gradient_norms.h"
#include "clipsweep/model/parameters.h"
#include "clipsweep/model/wide_norms.h"

namespace clipsweep {
namespace {

// A request without its gradients.
struct Request {
  ClipRule rule;
  FloatType type = FloatType::kFloat32;
  std::uint64_t seed = 0;
};

// Named tensors as one row, in the order given.
template <typename Number>
struct TensorSet {
  ParameterLayout layout;
  std::vector<Number> row;                          // [P]
  std::vector<std::pair<std::string, bool>> names;  // false: null instead of a tensor
};

// Calls `read` and begins the message of its ConfigError with the place.
template <typename Read>
void read_at(const std::string& place, const Read& read) {
  try {
    read();
  } catch (const ConfigError& error) {
    throw ConfigError(fmt::format("{}: {}", place, error.what()));
  }
}

const Json* find(const Json& object, const std::string& key) {
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

// ---- Reading -----------------------------------------------------------------------------------

template <typename Number>
Number read_element(const Json& value, const std::string& place) {
  if (!value.is_number() && !value.is_string())
    throw ConfigError(fmt::format("{}: {} is not a number", place, printable(to_line(value), 30)));
  double number = 0;
  try {
    number = read_number(value, place);
  } catch (const DataError&) {
    throw ConfigError(fmt::format(
        "{}: {} is not a number; allowed are numbers, \"NaN\", \"Infinity\" and \"-Infinity\"{}",
        place, printable(to_line(value), 30), number_hint(value)));
  }
  const auto element = static_cast<Number>(number);
  if (std::isfinite(number) && !std::isfinite(element))
    throw ConfigError(fmt::format("{}: {} is too large for float32; write \"dtype\": \"float64\"",
                                  place, printable(to_line(value), 30)));
  return element;
}

// Appends the elements of a nested list in row-major order. Checks that the list has the shape of
// its first elements.
template <typename Number>
void read_nested(const Json& value, const std::string& place, const std::vector<int>& shape,
                 std::size_t depth, std::vector<Number>& row) {
  if (depth == shape.size()) {
    if (value.is_array())
      throw ConfigError(fmt::format("{}: ragged; a list, but its neighbours are numbers", place));
    row.push_back(read_element<Number>(value, place));
    return;
  }
  if (!value.is_array())
    throw ConfigError(fmt::format("{}: ragged; {}, but its neighbours are lists", place,
                                  printable(to_line(value), 30)));
  const auto wanted = static_cast<std::size_t>(shape[depth]);
  if (value.size() != wanted)
    throw ConfigError(fmt::format("{}: ragged; {}, but its neighbours have {}", place,
                                  counted(value.size(), "element"), wanted));
  for (std::size_t i = 0; i < wanted; ++i)
    read_nested(value[i], fmt::format("{}[{}]", place, i), shape, depth + 1, row);
}

std::vector<int> shape_of(const Json& value) {
  std::vector<int> shape;
  for (const Json* inner = &value; inner->is_array(); inner = &inner->front()) {
    shape.push_back(static_cast<int>(inner->size()));
    if (inner->empty()) break;
  }
  return shape;
}

template <typename Number>
TensorSet<Number> read_tensors(const Json& object, const std::string& place) {
  if (!object.is_object())
    throw ConfigError(fmt::format("{}: must be an object of named tensors, not {}", place,
                                  printable(to_line(object), 30)));
  TensorSet<Number> tensors;
  for (const auto& [name, value] : object.items()) {
    tensors.names.emplace_back(name, !value.is_null());
    if (value.is_null()) continue;
    ParameterTensor tensor{name, shape_of(value), tensors.row.size()};
    read_nested(value, fmt::format("{}.{}", place, printable(name)), tensor.shape, 0, tensors.row);
    tensors.layout.tensors.push_back(std::move(tensor));
  }
  return tensors;
}

std::string text_member(const Json& request, const char* key) {
  const Json& value = request.at(key);
  if (value.is_string()) return value.get<std::string>();
  throw ConfigError(
      fmt::format("\"{}\" must be a string, not {}", key, printable(to_line(value), 30)));
}

double threshold_member(const Json& request, const char* key, const Request& read) {
  double threshold = 0;
  try {
    threshold = number_member(request, key);
  } catch (const DataError& error) {  // which begins with the key
    throw ConfigError(error.what());
  }
  read_at(fmt::format("\"{}\"", key),
          [&] { check_threshold(read.rule.mode, threshold, read.type); });
  return threshold;
}

void read_threshold(const Json& json, Request& request) {
  const auto& entry = entry_of(request.rule.mode);
  const bool given = json.contains("threshold");
  if (given && !entry.takes_threshold())
    throw ConfigError(
        fmt::format("\"threshold\": mode {} takes no threshold; remove it", entry.name));
  if (!given && entry.takes_threshold())
    throw ConfigError(fmt::format("\"threshold\" is missing; mode {} needs one, for example {}",
                                  entry.name, shortest(entry.example)));
  if (given) request.rule.threshold = threshold_member(json, "threshold", request);
  if (!json.contains("output_threshold")) return;
  if (!entry.takes_output_threshold())
    throw ConfigError(fmt::format("\"output_threshold\": not used by mode {}; it applies to {}",
                                  entry.name, output_threshold_modes()));
  request.rule.output_threshold = threshold_member(json, "output_threshold", request);
}

void read_options(const Json& json, Request& request) {
  for (const auto& option : clip_options()) {
    const Json* value = find(json, option.key);
    if (!value) continue;
    if (!option.applies_to(request.rule.mode))
      throw ConfigError(fmt::format("\"{}\": not used by mode {}; it applies to {}", option.key,
                                    to_text(request.rule.mode), option.choice_names()));
    if (!value->is_string() && !value->is_number())
      throw ConfigError(fmt::format("\"{}\" must be a number or a string, not {}", option.key,
                                    printable(to_line(*value), 30)));
    read_at(fmt::format("\"{}\"", option.key), [&] {
      option.assign(request.rule.options,
                    value->is_string() ? value->get<std::string>() : to_line(*value));
    });
  }
}

void refuse_unknown_keys(const Json& object, const std::vector<std::string>& keys) {
  for (const auto& [key, value] : object.items())
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) throw_unknown("key", key, keys);
}

FloatType parse_float_type(const std::string& name) {
  const std::vector<std::string> names = {"float32", "float64"};
  const bool is_float32 = name == names[0];
  if (!is_float32 && name != names[1]) throw_unknown("dtype", name, names);
  return is_float32 ? FloatType::kFloat32 : FloatType::kFloat64;
}

Request read_request(const Json& json) {
  if (!json.is_object())
    throw ConfigError(R"(must be an object such as {"mode": "global-norm", "threshold": 1, )"
                      R"("gradients": {"a": [3, 4]}})");
  std::vector<std::string> keys = {"mode",      "threshold", "output_threshold", "dtype",
                                   "gradients", "steps",     "parameters",       "seed"};
  for (const auto& option : clip_options())
    if (!option.needs_epochs) keys.emplace_back(option.key);
  refuse_unknown_keys(json, keys);
  Request request;
  if (!json.contains("mode")) throw ConfigError("\"mode\" is missing; for example \"global-norm\"");
  request.rule.mode = parse_clip_mode(text_member(json, "mode"));
  const ClipMode mode = request.rule.mode;
  if (!acts_on_gradient(mode))
    throw ConfigError(fmt::format(
        "mode {} acts {}; it cannot be applied to gradients", entry_of(mode).name,
        mode == ClipMode::kBackprop ? "inside backpropagation" : "on the optimizer's update"));
  if (json.contains("dtype")) request.type = parse_float_type(text_member(json, "dtype"));
  read_threshold(json, request);
  read_options(json, request);
  if (const Json* seed = find(json, "seed")) {
    if (mode != ClipMode::kRandomStep)
      throw ConfigError(
          fmt::format("\"seed\": mode {} uses no random numbers; remove it", entry_of(mode).name));
    if (!seed->is_number_unsigned()) throw ConfigError("\"seed\" must be a whole number from 0");
    request.seed = seed->get<std::uint64_t>();
  }
  if (json.contains("gradients") == json.contains("steps"))
    throw ConfigError(json.contains("steps")
                          ? "give either \"gradients\" or \"steps\", not both"
                          : "\"gradients\" are missing (or \"steps\", a list of them)");
  if (json.contains("parameters") != (mode == ClipMode::kAgc))
    throw ConfigError(mode == ClipMode::kAgc
                          ? "\"parameters\" are missing; mode agc compares gradients with them"
                          : fmt::format("\"parameters\": not used by mode {}; only agc uses them",
                                        entry_of(mode).name));
  return request;
}

// The weights [P] of the tensors that have a gradient, in the gradients' order.
template <typename Number>
std::vector<Number> matching_weights(const TensorSet<Number>& parameters,
                                     const TensorSet<Number>& gradients) {
  std::vector<Number> weights;
  for (const auto& tensor : gradients.layout.tensors) {
    const auto& known = parameters.layout.tensors;
    const auto found = std::find_if(known.begin(), known.end(),
                                    [&](const auto& one) { return one.name == tensor.name; });
    if (found == known.end())
      throw ConfigError(fmt::format("parameters.{} is missing", printable(tensor.name)));
    if (found->shape != tensor.shape)
      throw ConfigError(fmt::format("parameters.{} has the shape [{}], its gradient [{}]",
                                    printable(tensor.name), fmt::join(found->shape, ", "),
                                    fmt::join(tensor.shape, ", ")));
    const auto values = part(Span<const Number>(parameters.row), *found);
    if (!std::all_of(values.begin(), values.end(),
                     [](Number value) { return std::isfinite(value); }))
      throw ConfigError(fmt::format("parameters.{} must be finite", printable(tensor.name)));
    weights.insert(weights.end(), values.begin(), values.end());
  }
  return weights;
}

// ---- Writing -----------------------------------------------------------------------------------

template <typename Number>
Json nested(const Number*& next, const std::vector<int>& shape, std::size_t depth) {
  if (depth == shape.size()) return json_number(*next++);
  Json list = Json::array();
  for (int i = 0; i < shape[depth]; ++i) list.push_back(nested(next, shape, depth + 1));
  return list;
}

template <typename Number>
Json gradients_json(const TensorSet<Number>& gradients) {
  Json json = Json::object();
  auto tensor = gradients.layout.tensors.begin();
  for (const auto& [name, is_tensor] : gradients.names) {
    if (!is_tensor) {
      json[name] = nullptr;
      continue;
    }
    const Number* next = gradients.row.data() + tensor->offset;
    json[name] = nested(next, tensor->shape, 0);
    ++tensor;
  }
  return json;
}

template <typename Number>
Json event_json(const ParameterTensor& tensor, Span<const Number> values) {
  std::size_t first = 0, nan = 0, positive = 0, negative = 0;
  for (std::size_t i = values.size(); i-- > 0;) {
    if (std::isfinite(values[i])) continue;
    first = i;
    ++(std::isnan(values[i]) ? nan : values[i] > 0 ? positive : negative);
  }
  return {
      {"kind", nan > 0 ? "nan" : "inf"}, {"tensor", tensor.name},   {"index", first}, {"nan", nan},
      {"positive_inf", positive},        {"negative_inf", negative}};
}

// An option for the output layer without an output layer would be ignored silently.
void check_output_options(const ClipRule& rule, const ParameterLayout& layout) {
  const bool has_output_option = rule.output_threshold || !rule.options.agc_clips_output;
  const auto& tensors = layout.tensors;
  if (!has_output_option || tensors.empty() ||
      std::any_of(tensors.begin(), tensors.end(), is_output))
    return;
  throw ConfigError(
      fmt::format("\"{}\": applies to tensors whose name begins with output., and there is none",
                  rule.output_threshold ? "output_threshold" : "agc_output"));
}

// An event per tensor with a NaN or Inf; and one if the sum of squares overflows this type.
template <typename Number>
Json events_json(const ParameterLayout& layout, const RowNorms<Wide<Number>>& norms,
                 Span<const Number> row) {
  Json events = Json::array();
  for (std::size_t i = 0; i < layout.tensors.size(); ++i)
    if (!std::isfinite(norms.tensors[i]))
      events.push_back(event_json(layout.tensors[i], part(row, layout.tensors[i])));
  const auto squares = norms.global * norms.global;
  if (std::isfinite(norms.global) && squares > std::numeric_limits<Number>::max())
    events.push_back({{"kind", "norm-overflow"}});
  return events;
}

// ---- One step ----------------------------------------------------------------------------------

template <typename Number>
Json clip_step(const Request& request, TensorSet<Number> gradients,
               const std::vector<Number>& weights, ClipMemory<Number>& memory) {
  const ParameterLayout& layout = gradients.layout;
  check_output_options(request.rule, layout);
  const std::vector<Number> raw = gradients.row;
  RowNorms<Wide<Number>> norms;
  measure_wide(Span<const Number>(raw), layout, norms);
  const ClipContext<Number> context{layout, norms, weights, memory};
  const double limit = limit_in_force(request.rule, context);
  const ClipEffect effect = clip_gradient(request.rule, context, Span<Number>(gradients.row));

  const Span<const Number> before(raw), after(gradients.row);
  const double p = request.rule.options.norm_type;
  const Wide<Number> norm = p == 2 ? norms.global : wide_norm(before, p);
  const Wide<Number> left = effect.clipped ? wide_norm(after, p) : norm;
  const auto direction =
      cosine(before, norms.global, after, effect.clipped ? wide_norm(after) : norms.global);
  const auto size = static_cast<double>(raw.size());
  Json answer = {
      {"norm", json_number(static_cast<double>(norm))},
      {"clipped_norm", json_number(static_cast<double>(left))},
      {"scale", json_number(norm == 0 && left == 0 ? 1.0 : static_cast<double>(left / norm))},
      {"clipped", effect.clipped},
      {"clipped_fraction",
       json_number(raw.empty() ? 0.0 : static_cast<double>(effect.changed) / size)},
      {"cosine", !direction       ? Json(nullptr)
                 : effect.clipped ? json_number(static_cast<Number>(*direction))
                                  : Json(1)},
      {"limit", std::isfinite(limit) ? json_number(limit) : Json(nullptr)},
      {"gradients", gradients_json(gradients)},
      {"events", events_json(layout, norms, before)}};
  remember(request.rule, TakenStep<Number>{norms, before, after}, memory);
  return answer;
}

void check_same_tensors(const ParameterLayout& first, const ParameterLayout& other,
                        const std::string& place) {
  const auto same = [](const ParameterTensor& a, const ParameterTensor& b) {
    return a.name == b.name && a.shape == b.shape;
  };
  if (!std::equal(first.tensors.begin(), first.tensors.end(), other.tensors.begin(),
                  other.tensors.end(), same))
    throw ConfigError(fmt::format("{}: its tensors differ from those of the first step", place));
}

template <typename Number>
Json answer(const Request& request, const Json& json) {
  TensorSet<Number> parameters;
  if (const Json* given = find(json, "parameters"))
    parameters = read_tensors<Number>(*given, "parameters");
  const auto weights_for = [&](const TensorSet<Number>& gradients) {
    return request.rule.mode == ClipMode::kAgc ? matching_weights(parameters, gradients)
                                               : std::vector<Number>{};
  };
  if (const Json* given = find(json, "gradients")) {
    const auto gradients = read_tensors<Number>(*given, "gradients");
    ClipMemory<Number> memory(request.rule, gradients.layout, request.seed);
    return clip_step(request, gradients, weights_for(gradients), memory);
  }
  const Json& steps = json["steps"];
  if (!steps.is_array())
    throw ConfigError("\"steps\" must be a list of objects with \"gradients\"");
  Json answers = Json::array();
  std::optional<ParameterLayout> layout;
  ClipMemory<Number> memory;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::string place = fmt::format("steps[{}]", i);
    if (!steps[i].is_object() || !steps[i].contains("gradients"))
      throw ConfigError(fmt::format("{}: must be an object with \"gradients\"", place));
    read_at(place, [&] { refuse_unknown_keys(steps[i], {"gradients"}); });
    const auto gradients = read_tensors<Number>(steps[i]["gradients"], place + ".gradients");
    if (!layout) {
      layout = gradients.layout;
      memory = ClipMemory<Number>(request.rule, *layout, request.seed);
    }
    check_same_tensors(*layout, gradients.layout, place);
    answers.push_back(clip_step(request, gradients, weights_for(gradients), memory));
  }
  return {{"steps", std::move(answers)}};
}

}  // namespace

Json answer_clip_request(std::string_view text, const std::string& where) {
  Json json;
  try {
    json = parse_json_with_unique_keys(text, where);
  } catch (const DataError& error) {
    throw ConfigError(error.what());
  }
  Json result;
  read_at(where, [&] {
    const Request request = read_request(json);
    result = request.type == FloatType::kFloat32 ? answer<float>(request, json)
                                                 : answer<double>(request, json);
  });
  return result;
}

}  // namespace clipsweep
