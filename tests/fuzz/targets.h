// The fuzz targets, all in one program: it compiles and links once. `fuzz_NAME`, a link to it, is
// the target NAME.
#pragma once

#include <string_view>

namespace clipsweep {

// Each is in the file of its name.
void fuzz_checkpoint(std::string_view input);
void fuzz_clip_request(std::string_view input);
void fuzz_idx(std::string_view input);
void fuzz_idx_gzip(std::string_view input);
void fuzz_json(std::string_view input);
void fuzz_list(std::string_view input);
void fuzz_norm_log(std::string_view input);
void fuzz_npy(std::string_view input);
void fuzz_npz(std::string_view input);
void fuzz_run_json(std::string_view input);
void fuzz_step_log(std::string_view input);
void fuzz_step_log_gzip(std::string_view input);
void fuzz_sweep_file(std::string_view input);
void fuzz_sweep_json(std::string_view input);
void fuzz_text(std::string_view input);
void fuzz_time_series(std::string_view input);

using FuzzTarget = void (*)(std::string_view input);

// The target that a program's path names, `build/release/tests/fuzz/fuzz_json` for example. Ends
// the process with a message if there is none.
FuzzTarget target_of(std::string_view program);

}  // namespace clipsweep
