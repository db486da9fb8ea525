#include "clipsweep/records/log_header.h"

#include <fmt/format.h>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/records/record_members.h"

namespace clipsweep {
namespace {

constexpr std::uint64_t kMaxCount = 1'000'000'000;

std::vector<int> shape_member(const Json& tensors, const std::string& name) {
  std::vector<int> shape;
  for (const auto& side : list_member(tensors, name.c_str())) {
    if (!side.is_number_unsigned() || side.get<std::uint64_t>() > kMaxCount)
      throw DataError("\"tensors\" must hold lists of sizes");
    shape.push_back(side.get<int>());
  }
  return shape;
}

}  // namespace

Json log_header(const char* schema, const RunSpec& run) {
  Json header = {{"schema", schema}, {"run", run.id}};
  const Json members = to_json(run);
  for (const auto& [key, value] : members.items())
    if (key != "id") header[key] = value;
  return header;
}

RunSpec run_of_log_header(const Json& header, const char* schema) {
  require_schema(header, schema);
  Json run = header;
  run["id"] = member(header, "run");
  return run_spec_from_json(run);
}

Json to_json(const StepLogHeader& header) {
  Json json = log_header(kStepsSchema, header.run);
  json["log_every"] = header.log_every;
  Json tensors = Json::object();
  for (std::size_t i = 0; i < header.tensor_names.size(); ++i)
    tensors[header.tensor_names[i]] = header.tensor_shapes[i];
  json["tensors"] = std::move(tensors);
  return json;
}

StepLogHeader step_log_header_from_json(const Json& json) {
  StepLogHeader header;
  header.run = run_of_log_header(json, kStepsSchema);
  const std::uint64_t log_every = count_member(json, "log_every");
  if (log_every > kMaxCount)
    throw DataError(fmt::format("\"log_every\" must be at most {}", with_thousands(kMaxCount)));
  header.log_every = static_cast<int>(log_every);
  const Json& tensors = member(json, "tensors");
  if (!tensors.is_object()) throw DataError("\"tensors\" must be an object of shapes");
  for (const auto& [name, shape] : tensors.items()) {
    header.tensor_shapes.push_back(shape_member(tensors, name));
    header.tensor_names.push_back(plain_tensor_name(name));
  }
  return header;
}

}  // namespace clipsweep
