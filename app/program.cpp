#include "program.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <string_view>

#include "clipsweep/base/error.h"
#include "messages.h"

namespace clipsweep {
namespace {

// A closed stdin, stdout or stderr would give its number to the next file that is opened, a log
// for example, and messages would end up in there.
void fill_standard_descriptors() {
  int descriptor = ::open("/dev/null", O_RDWR);
  while (descriptor >= 0 && descriptor <= STDERR_FILENO) descriptor = ::open("/dev/null", O_RDWR);
  if (descriptor > STDERR_FILENO) ::close(descriptor);
}

int exit_code_of(const std::function<int()>& command) {
  try {
    return command();
  } catch (const Error& error) {
    complain(error.what());
    return error.exit_code();
  } catch (const AlreadyReported& failure) {
    return failure.exit_code;
  } catch (const std::bad_alloc&) {
    complain("out of memory; use fewer --workers or a smaller --hidden");
  } catch (const std::exception& error) {
    const std::string_view message = error.what();  // LibTorch adds a backtrace from line two on
    complain(message.substr(0, message.find('\n')));
  }
  return kRunFailed;
}

}  // namespace

int run_program(const std::function<int()>& command) {
  fill_standard_descriptors();
  // Writing beyond a file size limit then fails with an error that is told.
  std::signal(SIGXFSZ, SIG_IGN);
  const int code = exit_code_of(command);
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  complain("stdout: cannot write all of the output; is the disk full or the reader gone?");
  return code == kSuccess ? kRunFailed : code;
}

}  // namespace clipsweep
