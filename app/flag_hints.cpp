#include "flag_hints.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

// Other names for a flag or command, as `plain` writes them.
struct Synonyms {
  const char* own;
  std::vector<std::string_view> names;
};

const std::vector<Synonyms>& synonyms() {
  static const std::vector<Synonyms> kSynonyms = {
      {"--batch-size", {"batch", "bs", "minibatch", "trainbatchsize"}},
      {"--cell", {"model", "rnn", "network", "arch", "architecture", "layer"}},
      {"--checkpoint-every", {"checkpoint", "saveevery", "savesteps"}},
      {"--clip", {"clipping", "clipmode", "clips"}},
      {"--data", {"datadir", "dataroot", "datapath", "datafolder"}},
      {"--epochs", {"epoch", "numepochs", "nepochs", "maxepochs", "e"}},
      {"--hidden", {"units", "hiddensize", "hiddenunits", "hiddendim", "rnnsize", "nhidden"}},
      {"--init", {"initializer", "initialization", "kernelinitializer"}},
      {"--layers", {"numlayers", "nlayers"}},
      {"--length", {"seqlen", "seqlength", "sequencelength", "timesteps"}},
      {"--log-every", {"loginterval", "logfreq", "loggingsteps", "logsteps"}},
      {"--lr", {"lrs", "learningrate", "learningrates", "eta", "stepsize"}},
      {"--lr-decay", {"gamma", "lrgamma", "decayrate"}},
      {"--adam-beta1", {"beta1"}},
      {"--adam-beta2", {"beta2"}},
      {"--adam-epsilon", {"eps", "epsilon", "adameps"}},
      {"--optimizer", {"opt", "optim"}},
      {"--out", {"output", "outdir", "outputdir", "dir", "folder", "savedir", "logdir", "o"}},
      {"--rmsprop-alpha", {"alpha", "rho"}},
      {"--shard", {"part", "chunk", "slice", "rank"}},
      {"--steps-per-epoch", {"maxsteps", "numsteps"}},
      {"--task", {"dataset", "problem"}},
      {"--threshold", {"thresholds", "clipthreshold"}},
      {"--weight-decay", {"wd", "l2"}},
      {"--workers", {"jobs", "threads", "numworkers", "nworkers", "numthreads", "cpus", "j"}},
  };
  return kSynonyms;
}

// What to do instead of a flag that has no counterpart; {} is the value or an example.
struct Advice {
  const char* flag;  // for commands with this flag
  std::vector<std::string_view> names;
  const char* text;
  const char* example;
};

const std::vector<Advice>& advice() {
  static const std::vector<Advice> kAdvice = {
      {"--clip",
       {"maxnorm", "maxgradnorm", "gradclip", "clipgrad", "clipgradnorm", "gradnorm",
        "gradientclipval", "gradientclipping", "globalclipnorm"},
       "to limit the norm of the whole gradient, write --clip none,global-norm:{}",
       "1"},
      {"--clip",
       {"clipnorm"},
       "clipnorm of Keras is --clip none,tensor-norm:{0}; for the norm of the whole gradient write "
       "--clip none,global-norm:{0}",
       "1"},
      {"--clip",
       {"clipvalue", "gradclipvalue", "clipgradvalue", "value"},
       "to limit each element of the gradient, write --clip none,value:{}",
       "0.5"},
      {"--out",
       {"dryrun", "simulate", "printonly", "n"},
       "clipsweep plan prints the runs and their cost without training",
       ""},
      {"--out",
       {"resume", "continue", "restart", "resumefrom", "loadcheckpoint"},
       "rerunning the same command resumes a sweep",
       ""},
      {"--out",
       {"force", "overwrite", "f"},
       "a sweep keeps the complete runs of its folder; choose another --out, or train all runs "
       "again with --retry all",
       ""},
      {"--preset",
       {"config", "conf", "file", "sweepfile", "c"},
       "name the sweep file without a flag: {}",
       "sweep.toml"},
      {"--device", {"gpu", "cuda"}, "write --device cuda", ""},
      {"--out", {"plot", "plots", "figures", "report"}, "clipsweep report DIR draws a sweep", ""},
  };
  return kAdvice;
}

// Without dashes and underscores, in lower case: `--max_Norm` is `maxnorm`.
std::string plain(const std::string& flag) {
  std::string text;
  for (const char letter : flag)
    if (letter != '-' && letter != '_')
      text += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return text;
}

bool is_named(const std::vector<std::string_view>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string suggestion(const std::string& flag) {
  return fmt::format(" (did you mean \"{}\"?)", flag);
}

// For one seed, which many tools take and a sweep does not.
std::string seed_hint(const std::string& value) {
  const auto number = parse_count(value);
  if (!number)
    return suggestion("--seeds") +
           "; a count 10 stands for the seeds 0-9, a range 7-7 for the seed 7 alone";
  const std::string range = *number > 1 ? fmt::format("; --seeds {} would be the {} seeds 0-{}",
                                                      *number, with_thousands(*number), *number - 1)
                                        : "";
  return fmt::format("{}{}; for seed {} alone write --seeds {}-{}", suggestion("--seeds"), range,
                     *number, *number, *number);
}

std::optional<std::string> own_flag(const std::string& name,
                                    const std::vector<std::string>& flags) {
  for (const auto& entry : synonyms())
    if (is_named(entry.names, name) && contains(flags, entry.own)) return entry.own;
  for (const auto& flag : flags)
    if (plain(flag) == name) return flag;
  return std::nullopt;
}

std::optional<std::string> advice_for(const std::string& name, const std::string& value,
                                      const std::vector<std::string>& flags) {
  for (const auto& entry : advice())
    if (is_named(entry.names, name) && contains(flags, entry.flag))
      return "; " + fmt::format(fmt::runtime(entry.text),
                                value.empty() ? entry.example : printable(value));
  return std::nullopt;
}

// `; --json is a flag of plan, show`
std::optional<std::string> commands_with(const std::string& flag,
                                         const std::vector<CommandFlags>& all) {
  std::vector<std::string> commands;
  for (const auto& entry : all)
    if (contains(entry.flags, flag)) commands.push_back(entry.command);
  if (commands.empty()) return std::nullopt;
  return fmt::format("; {} is a flag of clipsweep {}", flag, join(commands));
}

std::string hint(const std::string& command, const std::string& flag, const std::string& value,
                 const std::vector<CommandFlags>& all) {
  std::vector<std::string> flags;
  std::vector<std::string> all_flags;
  for (const auto& entry : all) {
    if (entry.command == command) flags = entry.flags;
    all_flags.insert(all_flags.end(), entry.flags.begin(), entry.flags.end());
  }
  const std::string name = plain(flag);
  if (name == "version" || flag == "-V") return "; write clipsweep --version";
  if ((name == "seed" || name == "randomseed" || name == "s") && contains(flags, "--seeds"))
    return seed_hint(value);
  if (const auto text = commands_with(flag, all)) return *text;
  if (const auto text = advice_for(name, value, flags)) return *text;
  if (const auto own = own_flag(name, flags)) return suggestion(*own);
  const std::string close = did_you_mean(flag, flags);
  if (!close.empty()) return close;
  if (const auto other = own_flag(name, all_flags)) return *commands_with(*other, all);
  return "";
}

const std::vector<Synonyms>& command_synonyms() {
  static const std::vector<Synonyms> kSynonyms = {
      {"bench", {"speed", "perf"}},
      {"cliff", {"landscape", "surface"}},
      {"merge", {"join", "combine", "collect", "union", "concat"}},
      {"plan", {"dryrun", "estimate", "preview"}},
      {"report", {"plot", "plots", "figures", "draw", "html"}},
      {"show", {"list", "ls", "status", "info", "events", "inspect", "runs"}},
      {"summarize", {"compare", "analyze", "analyse", "results", "summarise"}},
      {"sweep", {"train", "run", "fit", "start", "resume", "continue", "launch"}},
      {"trace", {"replay", "dump"}},
      {"validate", {"check", "verify", "test", "lint"}},
  };
  return kSynonyms;
}

std::string command_hint(const std::string& name, const std::vector<std::string>& commands) {
  const std::string plain_name = plain(name);
  for (const auto& entry : command_synonyms())
    if (is_named(entry.names, plain_name)) return suggestion(entry.own);
  if (plain_name == "export") return "; to export a sweep run scripts/export.py DIR";
  const std::string ending = ".toml";
  if (name.size() > ending.size() &&
      name.compare(name.size() - ending.size(), ending.size(), ending) == 0)
    return fmt::format("; to train this sweep file write clipsweep sweep {} --out DIR",
                       printable(name));
  return did_you_mean(name, commands);
}

}  // namespace

bool contains(const std::vector<std::string>& flags, const std::string& flag) {
  return std::find(flags.begin(), flags.end(), flag) != flags.end();
}

std::string unknown_flag_message(const std::string& command, const std::string& flag,
                                 const std::string& value, const std::vector<CommandFlags>& all) {
  return fmt::format("{}: unknown flag {}{}; see clipsweep {} --help", command, printable(flag),
                     hint(command, flag, value, all), command);
}

std::string unknown_command_message(const std::string& name,
                                    const std::vector<std::string>& commands) {
  return fmt::format("unknown command \"{}\"{}; allowed: {}; see clipsweep --help", printable(name),
                     command_hint(name, commands), join(commands));
}

}  // namespace clipsweep
