// Reads and checks the values of options. Each function throws ConfigError that says what is
// allowed; the caller adds the place.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace clipsweep {

// ---- Whole numbers, switches, names -------------------------------------------------------------

std::uint64_t parse_whole(std::string_view text, std::uint64_t min, std::uint64_t max);
// From 0 to the largest of 64 bits.
std::uint64_t parse_seed(std::string_view text);

// `true` or `false`.
bool parse_switch(std::string_view text);

// One of the names. `kind` is what they name, for the message.
std::string parse_name(std::string_view kind, std::string_view text,
                       const std::vector<std::string>& names);

// A path that is not empty.
std::string parse_folder(std::string_view text);

// ---- Real numbers -------------------------------------------------------------------------------
// Those "in float32" are checked after rounding to float32, since training uses the rounded number.
// Each comment says what is accepted.

double parse_fraction(std::string_view text);          // in (0, 1]
double parse_decay(std::string_view text);             // in [0, 1)
double parse_decay_in_float32(std::string_view text);  // in [0, 1)

double parse_positive(std::string_view text);                // finite, above 0
double parse_positive_in_float32(std::string_view text);     // finite, above 0
double parse_nonnegative(std::string_view text);             // finite, from 0
double parse_nonnegative_in_float32(std::string_view text);  // finite, from 0
double parse_finite_in_float32(std::string_view text);       // finite
double parse_norm_type(std::string_view text);               // 1, 2 or +inf

}  // namespace clipsweep
