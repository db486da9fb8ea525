// Does `clipsweep validate` notice every change? Changes a finished result folder in every way
// there is, one change at a time, and counts which ones validation notices. scripts/mutation_test
// makes the folders and runs this program on them; it is no unit test.
//
//   mutation_check FOLDER [--most N] [--forge]
//
// Fields: each value of each JSON file and line is changed in its last digit, in its sign, to
// another type, removed and doubled; each object gets a new key; neighbours are swapped. The file
// is written as the program writes it, so that the form alone gives nothing away. Bits: each bit of
// each file is flipped. Of the fields and of the bits of all files of one name, about N are tried
// (a sample that is the same every time). With --forge, the hashes are computed again after a
// change of a field, as somebody would who forges a result: the rate is then that of the rules
// alone.
//
// Exits with 1 if a change goes unnoticed that is not in provenance alone (kProvenance).
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "clipsweep/base/text.h"
#include "clipsweep/io/files.h"
#include "clipsweep/io/json.h"
#include "clipsweep/io/sha256.h"
#include "clipsweep/io/temporary_folder.h"
#include "clipsweep/records/result_folder.h"
#include "clipsweep/records/sweep_manifest.h"
#include "clipsweep/validation/validation.h"

namespace clipsweep {
namespace {

// What says where, when and by whom a sweep was run: nothing in a folder can contradict it.
// By file, besides its members `wall_...`.
const std::map<std::string, std::set<std::string>> kProvenance = {
    {"sweep.json", {"software", "machine", "command", "calls"}}, {"run.json", {}}};

struct Options {
  fs::path folder;
  std::size_t most = 1000;
  bool forge = false;
};

// ---- JSON text and back

using Members = std::vector<std::pair<std::string, Json>>;

Members members_of(const Json& object) {
  Members members;
  for (const auto& [key, value] : object.items()) members.emplace_back(key, value);
  return members;
}

// Keeps keys that occur twice.
Json object_of(const Members& members) {
  Json::object_t object;
  for (const auto& [key, value] : members)
    static_cast<Json::object_t::Container&>(object).emplace_back(key, value);
  return object;
}

// One way to change a JSON value; `apply` returns false if it does not apply to this one.
struct Change {
  std::string name;
  std::function<bool(Json& parent, std::size_t place)> apply;
};

Json& value_at(Json& parent, std::size_t place) {
  auto found = parent.begin();
  std::advance(found, static_cast<std::ptrdiff_t>(place));
  return *found;
}

// Another value of this type that differs as little as possible in its text.
Json with_another_last_digit(const Json& value) {
  if (value.is_boolean()) return !value.get<bool>();
  if (value.is_null()) return 0;
  std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  const auto last = std::find_if(text.rbegin(), text.rend(), [](unsigned char character) {
    return std::isalnum(character) != 0;
  });
  if (last == text.rend()) return value.is_string() ? Json(text + "a") : Json(1);
  const auto exponent = value.is_number_float() ? text.find('e') : text.npos;
  char& character = exponent == text.npos ? *last : text[exponent - 1];
  character = character == '9' || character == 'f' || character == 'z'
                  ? '0'
                  : static_cast<char>(character + 1);
  if (value.is_string()) return text;
  const Json changed = Json::parse(text, nullptr, false);
  return changed.is_discarded() || changed == value ? Json(1) : changed;
}

bool change_sign(Json& value) {
  if (value == "Infinity") {
    value = "-Infinity";
    return true;
  }
  if (!value.is_number() || value == 0) return false;
  const std::string text = value.dump();
  value = Json::parse(text[0] == '-' ? text.substr(1) : "-" + text);
  return true;
}

Json of_another_type(const Json& value) {
  if (value.is_string()) return value == "NaN" ? Json(nullptr) : Json::array({value});
  if (value.is_null()) return false;
  if (value.is_structured()) return value.empty() ? Json(nullptr) : Json(value.dump());
  return value.dump();
}

void remove(Json& parent, std::size_t place) {
  parent.erase(std::next(parent.begin(), static_cast<std::ptrdiff_t>(place)));
}

void duplicate(Json& parent, std::size_t place) {
  if (parent.is_array()) {
    const Json copy = parent[place];
    parent.insert(std::next(parent.begin(), static_cast<std::ptrdiff_t>(place)), copy);
    return;
  }
  Members members = members_of(parent);
  members.insert(members.begin() + static_cast<std::ptrdiff_t>(place), members[place]);
  parent = object_of(members);
}

bool swap_with_next(Json& parent, std::size_t place) {
  if (place + 1 >= parent.size()) return false;
  if (parent.is_array()) {
    if (parent[place] == parent[place + 1]) return false;
    std::swap(parent[place], parent[place + 1]);
    return true;
  }
  Members members = members_of(parent);
  std::swap(members[place], members[place + 1]);
  parent = object_of(members);
  return true;
}

bool swap_values_with_next(Json& parent, std::size_t place) {
  if (!parent.is_object() || place + 1 >= parent.size()) return false;
  Json& first = value_at(parent, place);
  Json& second = value_at(parent, place + 1);
  if (first == second) return false;
  std::swap(first, second);
  return true;
}

const std::vector<Change>& changes() {
  static const std::vector<Change> kChanges = {
      {"last digit",
       [](Json& parent, std::size_t place) {
         Json& value = value_at(parent, place);
         if (value.is_structured()) return false;
         value = with_another_last_digit(value);
         return true;
       }},
      {"sign",
       [](Json& parent, std::size_t place) { return change_sign(value_at(parent, place)); }},
      {"type",
       [](Json& parent, std::size_t place) {
         Json& value = value_at(parent, place);
         value = of_another_type(value);
         return true;
       }},
      {"removed",
       [](Json& parent, std::size_t place) {
         remove(parent, place);
         return true;
       }},
      {"doubled",
       [](Json& parent, std::size_t place) {
         duplicate(parent, place);
         return true;
       }},
      {"swapped", swap_with_next},
      {"values swapped", swap_values_with_next},
      {"new key",
       [](Json& parent, std::size_t place) {
         Json& value = value_at(parent, place);
         if (!value.is_object()) return false;
         value["another_key"] = 1;
         return true;
       }},
  };
  return kChanges;
}

// ---- Files

using Path = std::vector<std::size_t>;  // of places, from the root

void collect_paths(const Json& value, Path& here, std::vector<Path>& paths) {
  for (std::size_t place = 0; place < value.size() && value.is_structured(); ++place) {
    here.push_back(place);
    paths.push_back(here);
    auto child = value.begin();
    std::advance(child, static_cast<std::ptrdiff_t>(place));
    collect_paths(*child, here, paths);
    here.pop_back();
  }
}

std::vector<Path> paths_in(const Json& value) {
  std::vector<Path> paths;
  Path here;
  collect_paths(value, here, paths);
  return paths;
}

std::string name_of(const Json& root, const Path& path) {
  std::string name;
  const Json* value = &root;
  for (const std::size_t place : path) {
    auto child = value->begin();
    std::advance(child, static_cast<std::ptrdiff_t>(place));
    name += value->is_object() ? "." + child.key() : fmt::format("[{}]", place);
    value = &*child;
  }
  return name;
}

// A change of a file: its description and the new bytes.
struct Mutation {
  std::string name;
  std::string bytes;
};
// Nothing if the change does not apply.
using Make = std::function<std::optional<Mutation>()>;

bool is_page(const fs::path& file) { return file.extension() == ".json"; }
bool is_log(const fs::path& file) { return file.extension() == ".jsonl"; }
bool is_packed(const fs::path& file) {
  return file.extension() == ".npz" || file.extension() == ".gz";
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// A JSON text with one value changed. Nothing if the change does not apply.
std::optional<std::string> changed(Json root, bool page, const Path& path, const Change& change) {
  Json* parent = &root;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) parent = &value_at(*parent, path[i]);
  if (!change.apply(*parent, path.back())) return std::nullopt;
  return page ? to_page(root) : to_line(root);
}

void add_field_changes(const std::string& text, bool page,
                       const std::function<std::string(const std::string&)>& embed,
                       const std::string& where, std::vector<Make>& all) {
  const auto root = std::make_shared<Json>(Json::parse(text));
  for (const auto& path : paths_in(*root))
    for (const auto& change : changes()) {
      all.push_back([=, &change]() -> std::optional<Mutation> {
        const auto bytes = changed(*root, page, path, change);
        if (!bytes) return std::nullopt;
        return Mutation{fmt::format("{}{}: {}", where, name_of(*root, path), change.name),
                        embed(*bytes)};
      });
    }
}

std::vector<Make> field_changes_of_log(const std::string& content) {
  std::vector<Make> all;
  const auto lines = std::make_shared<std::vector<std::string>>(lines_of(content));
  const auto joined = [](const std::vector<std::string>& parts) {
    std::string text;
    for (const auto& part : parts) text += part + "\n";
    return text;
  };
  for (std::size_t i = 0; i < lines->size(); ++i) {
    const auto embed = [=](const std::string& line) {
      auto copy = *lines;
      copy[i] = line;
      return joined(copy);
    };
    add_field_changes((*lines)[i], false, embed, fmt::format("line {}", i + 1), all);
    all.push_back([=] {
      auto copy = *lines;
      copy.erase(copy.begin() + static_cast<std::ptrdiff_t>(i));
      return Mutation{fmt::format("line {} removed", i + 1), joined(copy)};
    });
    all.push_back([=] {
      auto copy = *lines;
      copy.insert(copy.begin() + static_cast<std::ptrdiff_t>(i), copy[i]);
      return Mutation{fmt::format("line {} doubled", i + 1), joined(copy)};
    });
  }
  return all;
}

// Each field of runs.csv: another last digit, empty, doubled.
std::vector<Make> field_changes_of_table(const std::string& content) {
  std::vector<Make> all;
  for (std::size_t end = content.find_first_of(",\n"); end != content.npos;
       end = content.find_first_of(",\n", end + 1)) {
    const std::size_t begin = end == 0 ? 0 : content.find_last_of(",\n", end - 1) + 1;
    const std::string field = content.substr(begin, end - begin);
    const auto replace = [=](const std::string& by) {
      return content.substr(0, begin) + by + content.substr(end);
    };
    const std::string where = fmt::format("byte {}", begin);
    all.push_back([=] { return Mutation{where + ": another end", replace(field + "1")}; });
    if (!field.empty()) all.push_back([=] { return Mutation{where + ": empty", replace("")}; });
    all.push_back([=] { return Mutation{where + ": doubled", replace(field + "," + field)}; });
  }
  return all;
}

// What no change of a value says: the form of the text.
void add_changes_of_form(const std::string& content, std::vector<Make>& all) {
  all.push_back([=] { return Mutation{"byte-order mark", "\xEF\xBB\xBF" + content}; });
  all.push_back([=] {
    return Mutation{"no line break at the end", content.substr(0, content.size() - 1)};
  });
  all.push_back([=] { return Mutation{"empty line at the end", content + "\n"}; });
  all.push_back([=] { return Mutation{"space at the beginning", " " + content}; });
  all.push_back([=] { return Mutation{"empty", ""}; });
  all.push_back([=] {
    std::string text;
    for (const char character : content)
      text += character == '\n' ? "\r\n" : std::string(1, character);
    return Mutation{"CRLF", text};
  });
}

std::vector<Make> field_changes(const fs::path& file, const std::string& content) {
  std::vector<Make> all;
  if (is_page(file)) {
    const auto embed = [](const std::string& page) { return page + "\n"; };
    add_field_changes(content, true, embed, "", all);
  } else if (is_log(file)) {
    all = field_changes_of_log(content);
  } else if (file.extension() == ".csv") {
    all = field_changes_of_table(content);
  }
  if (!is_packed(file)) add_changes_of_form(content, all);
  return all;
}

// At most `most` of them, the same every time.
template <typename Value>
std::vector<Value> sample(std::vector<Value> all, std::size_t most) {
  if (all.size() <= most) return all;
  std::mt19937_64 random(20261129);
  for (std::size_t i = 0; i < most; ++i) std::swap(all[i], all[i + random() % (all.size() - i)]);
  all.resize(most);
  return all;
}

// ---- Noticing

std::string as_text_without_provenance(const fs::path& file, const std::string& bytes) {
  const auto found = kProvenance.find(file.filename().string());
  if (found == kProvenance.end()) return bytes;
  Json page = Json::parse(bytes, nullptr, false);
  if (!page.is_object()) return bytes;
  std::set<std::string> left_out = found->second;
  for (const auto& item : page.items())
    if (item.key().rfind("wall_", 0) == 0) left_out.insert(item.key());
  for (const auto& key : left_out) page.erase(key);
  return to_line(page);
}

bool is_in_provenance_alone(const fs::path& file, const std::string& before,
                            const std::string& after) {
  return kProvenance.count(file.filename().string()) > 0 &&
         as_text_without_provenance(file, before) == as_text_without_provenance(file, after);
}

bool is_noticed(const fs::path& folder) {
  try {
    return !validate_folder(folder).problems.empty();
  } catch (const Error&) {
    return true;  // the command ends with a message, too
  }
}

void write_bytes(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// Makes the hashes of a folder those of its bytes.
void forge_hashes(const fs::path& folder, const fs::path& file) {
  try {
    if (file == "sweep.json") {
      Json sweep = Json::parse(read_file(folder / file));
      sweep["sha256"] = sweep_sha256(sweep);
      return write_bytes(folder / file, to_page(sweep) + "\n");
    }
    const fs::path run_json = folder / file.parent_path() / "run.json";
    if (!is_there(run_json)) return;
    Json run = Json::parse(read_file(run_json));
    const std::string name = file.stem().string();
    if (name != "run") run["sha256"][name] = sha256_of(read_file(folder / file));
    run["sha256"]["record"] = record_sha256(run);
    write_bytes(run_json, to_page(run) + "\n");
  } catch (const Json::exception&) {  // it is no object any more: the schema says so
  }
}

struct Count {
  std::size_t tried = 0;
  std::size_t noticed = 0;
  std::size_t provenance = 0;
};

class FolderCheck {
 public:
  explicit FolderCheck(const Options& options) : options_(options) {
    fs::copy(options.folder, copy_.path(),
             fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  }

  // Whether every change was noticed.
  bool check() {
    if (const auto found = validate_folder(copy_.path()); !found.problems.empty())
      throw DataError("not valid from the beginning: " + to_text(found.problems.front()));
    const auto all = files();
    for (const auto& file : all) files_[file.filename().string()] += 1;
    for (const auto& file : all) check_file(file);
    for (const auto& [name, count] : counts_) print(name, count);
    for (const auto& text : unnoticed_) fmt::print("  unnoticed: {}\n", text);
    return unnoticed_.empty();
  }

 private:
  std::vector<fs::path> files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(copy_.path()))
      if (entry.is_regular_file() && entry.path().filename() != ".lock")
        files.push_back(entry.path().lexically_relative(copy_.path()));
    std::sort(files.begin(), files.end());
    return files;
  }

  void check_file(const fs::path& file) {
    const std::string content = read_file(copy_.path() / file);
    const std::size_t files = files_[file.filename().string()];
    const std::size_t most = (options_.most + files - 1) / files;
    for (const auto& make : sample(field_changes(file, content), most))
      if (const auto mutation = make())
        try_change(file, content, *mutation, options_.forge, "fields");
    if (options_.forge) return;
    std::vector<std::size_t> bits(content.size() * 8);
    for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = i;
    for (const std::size_t bit : sample(std::move(bits), most)) {
      std::string bytes = content;
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
      try_change(file, content, {fmt::format("bit {} of byte {}", bit % 8, bit / 8), bytes}, false,
                 "bits");
    }
  }

  void try_change(const fs::path& file, const std::string& content, const Mutation& mutation,
                  bool forge, const char* kind) {
    if (mutation.bytes == content) return;
    Count& count = counts_[fmt::format("{:<20} {}", file.filename().string(), kind)];
    const fs::path run_json = copy_.path() / file.parent_path() / "run.json";
    const std::string record = forge && is_there(run_json) ? read_file(run_json) : "";
    write_bytes(copy_.path() / file, mutation.bytes);
    if (forge) forge_hashes(copy_.path(), file);
    const bool noticed = is_noticed(copy_.path());
    if (!record.empty()) write_bytes(run_json, record);
    write_bytes(copy_.path() / file, content);
    if (!noticed && is_in_provenance_alone(file, content, mutation.bytes)) {
      ++count.provenance;
      return;
    }
    ++count.tried;
    count.noticed += noticed ? 1 : 0;
    if (!noticed) unnoticed_.push_back(fmt::format("{}: {}", file.string(), mutation.name));
  }

  static void print(const std::string& name, const Count& count) {
    const double rate = count.tried == 0 ? 100
                                         : 100.0 * static_cast<double>(count.noticed) /
                                               static_cast<double>(count.tried);
    fmt::print("{:<28} {:>6} of {:>6} noticed, {:.6g} %", name, count.noticed, count.tried, rate);
    if (count.provenance > 0) fmt::print("; {} in provenance alone", count.provenance);
    fmt::print("\n");
  }

  Options options_;
  TemporaryFolder copy_;
  std::map<std::string, std::size_t> files_;  // how many have this name
  std::map<std::string, Count> counts_;       // by file name and kind
  std::vector<std::string> unnoticed_;
};

Options options_of(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    if (argument == "--forge")
      options.forge = true;
    else if (argument == "--most" && i + 1 < count)
      options.most = std::stoul(arguments[++i]);
    else
      options.folder = argument;
  }
  return options;
}

}  // namespace
}  // namespace clipsweep

int main(int count, char** arguments) try {
  const clipsweep::Options options = clipsweep::options_of(count, arguments);
  if (options.folder.empty()) {
    fmt::print(stderr, "mutation_check: name a finished result folder\n");
    return 2;
  }
  return clipsweep::FolderCheck(options).check() ? 0 : 1;
} catch (const std::exception& error) {
  fmt::print(stderr, "mutation_check: {}\n", error.what());
  return 1;
}
