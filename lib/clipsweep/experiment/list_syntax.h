// The LIST of the command line and the sweep file:
//
//   numbers   0.1,0.5,1      logspace(1e-3,1,4) = 0.001,0.01,0.1,1
//   seeds     10 = 0-9       3-5 = 3,4,5       0-20:5 = 0,5,10,15,20     0,3,7
//   cells     lstm,rnn-relu:identity
//   clips     none,value:0.5,global-norm:logspace(0.1,10,3)
//
// The forms of a list may be mixed. Each function throws ConfigError that says what is allowed.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "clipsweep/clipping/clip_rule.h"
#include "clipsweep/model/initial_scheme.h"

namespace clipsweep {

std::vector<double> parse_numbers(std::string_view text);

// Whether the text has the form of a list rather than of one value.
bool is_list(std::string_view text);

// The values of a list as texts, `logspace` written out; `example` is for messages.
std::vector<std::string> parse_texts(std::string_view text, std::string_view example);

// A single number N is a count: the seeds 0 to N-1.
std::vector<std::uint64_t> parse_seeds(std::string_view text);

// Numbers of steps, ascending, each once: `0,2000,5000`.
std::vector<std::uint64_t> parse_steps(std::string_view text);

// Cells, each with its own initial scheme if it names one.
std::vector<CellChoice> parse_cells(std::string_view text);

std::vector<ClipMode> parse_modes(std::string_view text);

// Pairs of mode and threshold.
std::vector<ClipRule> parse_clips(std::string_view text);

}  // namespace clipsweep
