// clipsweep: parses the command line and dispatches. It does not link LibTorch: it trains with the
// fused engine, and starts clipsweep-train for what needs LibTorch.
#include <fmt/format.h>

#include "clipsweep/base/error.h"
#include "clipsweep/base/simd.h"
#include "command_line.h"
#include "commands/inspection_commands.h"
#include "commands/training_commands.h"
#include "completion.h"
#include "help.h"
#include "output.h"
#include "overloaded.h"
#include "program.h"
#include "sibling_process.h"
#include "version.h"

namespace clipsweep {
namespace {

int dispatch(const CommandLine& line) {
  const auto& arguments = line.arguments;
  const auto make_engines = [&](const ExperimentConfig& config) {
    const EngineChoices choices = choose_engines(config);
    if (needs_reference(choices)) become_training_process(arguments);
    return fused_training_engines(choices);
  };
  return std::visit(
      Overloaded{
          [](const HelpCommand& help) -> int {
            print("{}", help_text(help.about));
            return kSuccess;
          },
          [](const VersionCommand&) -> int {
            print("clipsweep {} ({})\n", kVersion, kGitRevision);
            return kSuccess;
          },
          [](const CompleteCommand& complete) { return run_complete(complete.words); },
          [&](const SweepCommand& sweep) { return run_sweep(sweep, arguments, make_engines); },
          [&](const TraceCommand& trace) { return run_trace(trace, make_engines); },
          [&](const CliffCommand& cliff) { return run_cliff(cliff, make_engines); },
          [&](const PlanCommand& plan) { return run_plan(plan, arguments); },
          [](const ShowCommand& show) { return run_show(show); },
          [](const SummarizeCommand& summarize) { return run_summarize(summarize); },
          [](const MergeCommand& merge) { return run_merge(merge); },
          [](const ReportCommand& report) { return run_report(report); },
          [](const ValidateCommand& validate) { return run_validate(validate); },
          [](const ClipCommand& clip) { return run_clip(clip); },
          [](const AdviseCommand& advise) { return run_advise(advise); },
          [](const PresetCommand& preset) { return run_preset(preset); },
          [](const SchemaCommand& schema) { return run_schema(schema); },
          [&](const auto&) -> int { become_training_process(arguments); },  // bench, measure
      },
      line.command);
}

}  // namespace
}  // namespace clipsweep

int main(int argc, char** argv) {
  using namespace clipsweep;
  return run_program([&] {
    const CommandLine line = parse_command_line(argc, argv);
    use_simd_of_environment();
    return dispatch(line);
  });
}
