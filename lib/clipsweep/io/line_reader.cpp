#include "clipsweep/io/line_reader.h"

#include <algorithm>
#include <memory>

namespace clipsweep {

LineReader::LineReader(const fs::path& path)
    : source_([file = std::make_shared<InputFile>(path)](char* to, std::size_t max_bytes) {
        return file->read(to, max_bytes);
      }) {}

LineEnd LineReader::next(std::string& line) {
  line.clear();
  for (;;) {
    if (next_ == end_ && !fill()) return line.empty() ? LineEnd::kNoLine : LineEnd::kCutOff;
    const char* begin = buffer_.data() + next_;
    const char* end = buffer_.data() + end_;
    const char* line_break = std::find(begin, end, '\n');
    const auto size = static_cast<std::size_t>(line_break - begin);
    if (line.size() + size > kMaxLineBytes) return LineEnd::kTooLong;
    line.append(begin, size);
    next_ += size;
    if (line_break == end) continue;
    ++next_;
    return LineEnd::kBreak;
  }
}

bool LineReader::fill() {
  next_ = 0;
  end_ = source_(buffer_.data(), buffer_.size());
  return end_ > 0;
}

}  // namespace clipsweep
