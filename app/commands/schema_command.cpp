// `clipsweep schema`: the JSON Schemas of the files that a sweep writes.
#include <fmt/format.h>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/validation/schemas.h"
#include "commands/inspection_commands.h"
#include "output.h"

namespace clipsweep {

int run_schema(const SchemaCommand& command) {
  if (!command.kind.empty()) {
    print_json(find_schema(command.kind));
    return kSuccess;
  }
  for (const auto& kind : schema_kinds())
    print("{}\n{}", kind, wrapped(string_member(find_schema(kind), "title"), 80, 2));
  return kSuccess;
}

}  // namespace clipsweep
