#include "output.h"

#include <cstdio>

#include "clipsweep/base/text.h"
#include "terminal.h"

namespace clipsweep {
namespace {

// `run_program` reports what could not be written.
void write_to_stdout(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace

void print_text(std::string_view text) { write_to_stdout(shown_text(text, stdout_style())); }

void print_json_page(std::string_view page) { write_to_stdout(json_without_controls(page)); }

void print_json(const Json& value) { print_json_page(to_page(value) + "\n"); }

void print_json_line(const Json& value) { print_json_page(to_line(value) + "\n"); }

}  // namespace clipsweep
