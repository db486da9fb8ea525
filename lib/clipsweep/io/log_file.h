// A log of a run on disk: LOG, or compressed as LOG.gz once the run is finished. Where both are
// there, LOG.gz is the log: it gets its name when it is complete, and is removed before the run
// starts over.
#pragma once

#include <string>

#include "clipsweep/io/files.h"
#include "clipsweep/io/line_reader.h"

namespace clipsweep {

// LOG.gz
fs::path compressed_path(const fs::path& log);
// Whether a path is that of a compressed log.
bool is_compressed_path(const fs::path& path);

// The file that holds a log: LOG.gz if it is there, otherwise LOG, which may be missing.
fs::path stored_log(const fs::path& log);

// The functions below take both paths of a log, LOG and LOG.gz.

// Opens a log. Throws DataError, here or while it is read, if it is missing or not a valid file.
ReadBytes open_log(const fs::path& log);

// The hash of a log, unpacked, which does not depend on whether it is compressed.
std::string sha256_of_log(const fs::path& log);

// Whether a compressed log is written as compress_log does it (GzipFile::has_usual_form).
bool has_usual_compression(const fs::path& log);

// Whether LOG and LOG.gz are both there, and LOG is empty or the same as LOG.gz: a claim or an
// interrupted call left it.
bool is_duplicate_log(const fs::path& log);

// The functions below are for the process that has claimed the run.

// Compresses a log, if there is one: writes LOG.gz, then removes LOG.
void compress_log(const fs::path& log);

// Removes LOG if it is a duplicate.
void remove_duplicate_log(const fs::path& log);

}  // namespace clipsweep
