#include "clipsweep/records/through_time.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/records/log_header.h"

namespace clipsweep {
namespace {

constexpr std::array<std::string_view, 4> kKeys = {"step", "epoch", "event", "norms"};

void require_known_keys(const Json& line) {
  for (const auto& item : line.items())
    if (std::find(kKeys.begin(), kKeys.end(), item.key()) == kKeys.end())
      throw DataError(fmt::format("unknown key \"{}\"; allowed: {}", printable(item.key()),
                                  join({kKeys.begin(), kKeys.end()})));
}

std::uint64_t counted_from_one(const Json& line, const char* key) {
  const std::uint64_t value = count_member(line, key);
  if (value == 0) throw DataError(fmt::format("\"{}\" counts from 1, not from 0", key));
  return value;
}

std::vector<float> norms_member(const Json& line) {
  const Json& list = member(line, "norms");
  if (!list.is_array() || list.empty())
    throw DataError("\"norms\" must be a list of one norm for each time step");
  std::vector<float> norms;
  for (std::size_t t = 0; t < list.size(); ++t) {
    const std::string place = fmt::format("norms[{}]", t);
    const double norm = read_number(list[t], place);
    if (norm < 0)
      throw DataError(fmt::format("\"{}\" must not be negative, as {} is", place, norm));
    norms.push_back(static_cast<float>(norm));
  }
  return norms;
}

}  // namespace

void append_line(std::string& text, const ThroughTimeRecord& record) {
  fmt::format_to(std::back_inserter(text), "{{\"step\":{},\"epoch\":{},\"event\":{},\"norms\":[",
                 record.step, record.epoch, record.event);
  for (std::size_t t = 0; t < record.norms.size(); ++t) {
    if (t > 0) text += ',';
    append_number(text, record.norms[t]);
  }
  text += "]}\n";
}

ThroughTimeRecord through_time_record_from_json(const Json& json) {
  ThroughTimeRecord record;
  record.step = counted_from_one(json, "step");
  record.epoch = counted_from_one(json, "epoch");
  record.event = bool_member(json, "event");
  record.norms = norms_member(json);
  require_known_keys(json);
  return record;
}

Json to_json(const ThroughTimeHeader& header) {
  Json json = log_header(kThroughTimeSchema, header.run);
  json["through_time_every"] = header.every;
  return json;
}

ThroughTimeHeader through_time_header_from_json(const Json& json) {
  return {run_of_log_header(json, kThroughTimeSchema), count_member(json, "through_time_every")};
}

}  // namespace clipsweep
