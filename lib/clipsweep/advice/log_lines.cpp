#include "clipsweep/advice/log_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

bool begins_with_bytes(const std::string& text, std::string_view beginning) {
  return text.compare(0, beginning.size(), beginning) == 0;
}

bool is_binary(char character) {
  const auto byte = static_cast<unsigned char>(character);
  return byte < 0x20 && (byte < '\t' || byte > '\r');
}

// Says what a log is that is no text, and what to do; nothing if it is text.
std::string why_not_text(const std::string& line) {
  if (begins_with_bytes(line, "\x1f\x8b"))
    return "is compressed by gzip; write: gunzip -c FILE | clipsweep advise -";
  if (begins_with_bytes(line, "\xff\xfe") || begins_with_bytes(line, "\xfe\xff"))
    return "is text in UTF-16; save it in UTF-8";
  if (std::any_of(line.begin(), line.end(), is_binary))
    return "is binary, not text; see lib/docs/advise.md for event files of TensorBoard";
  return "";
}

bool is_blank_or_comment(const std::string& line) {
  const std::string_view text = trimmed(line);
  return text.empty() || text.front() == '#';
}

}  // namespace

LogLines::LogLines(ReadBytes source, std::string where)
    : reader_(std::move(source)), where_(std::move(where)) {}

const std::string& LogLines::first() {
  if (is_pending_) return pending_;
  do {
    read(pending_);
    if (number_ == 1 && begins_with_bytes(pending_, "\xef\xbb\xbf")) pending_.erase(0, 3);
  } while (end_ != LineEnd::kNoLine && is_blank_or_comment(pending_));
  is_pending_ = true;
  return pending_;
}

bool LogLines::next(std::string& line) {
  if (is_pending_) {
    line = std::move(pending_);
    pending_.clear();
    is_pending_ = false;
  } else {
    read(line);
  }
  if (end_ == LineEnd::kTooLong)
    throw DataError(
        fmt::format("{}: a line of more than {} KiB", place(), LineReader::kMaxLineBytes >> 10));
  return end_ != LineEnd::kNoLine;
}

std::string LogLines::rest(std::size_t max_bytes) {
  std::string all = first();
  is_pending_ = false;
  std::string line;
  while (end_ != LineEnd::kNoLine) {
    if (end_ == LineEnd::kBreak) all += '\n';
    read(line);
    all += line;
    if (all.size() > max_bytes)
      throw DataError(
          fmt::format("{}: more than {} MiB of JSON in one piece; write one object per "
                      "line",
                      where_, max_bytes >> 20));
  }
  return all;
}

std::string LogLines::place() const { return fmt::format("{}:{}", where_, number_); }

void LogLines::read(std::string& line) {
  if (end_ != LineEnd::kTooLong) ++number_;
  end_ = reader_.next(line);
  if (const std::string why = why_not_text(line); !why.empty())
    throw DataError(fmt::format("{}: {}", place(), why));
  if (!line.empty() && line.back() == '\r') line.pop_back();
}

}  // namespace clipsweep
