#include "program.h"

#include <cxxabi.h>
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string_view>
#include <typeinfo>

#include "clipsweep/base/error.h"
#include "clipsweep/base/memory_reserve.h"
#include "messages.h"

namespace clipsweep {
namespace {

// If stdin, stdout or stderr is closed, the next file that is opened, such as a log, would get its
// descriptor, and messages would be written into that file.
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
    complain_of_lack_of_memory();
  } catch (const std::exception& error) {
    if (std::ferror(stdout) != 0) return kStoppedEarly;  // reported where it is flushed
    const std::string_view message = error.what();  // LibTorch adds a backtrace from line two on
    complain(message.substr(0, message.find('\n')));
  }
  return kRunFailed;
}

// Once memory was short, whatever ended the program is most likely its consequence: the current
// exception may be an earlier one that is being handled.
bool is_lack_of_memory(const std::type_info* exception) {
  if (was_memory_short()) return true;
  return exception &&
         (*exception == typeid(std::bad_alloc) || *exception == typeid(std::bad_array_new_length));
}

std::terminate_handler terminate_with_abort = nullptr;  // the C++ library's

// Where no handler can be reached: a destructor lacked memory, or a library before `main`.
[[noreturn]] void on_terminate() {
  if (is_lack_of_memory(abi::__cxa_current_exception_type())) {
    complain_of_lack_of_memory();
    ::_exit(kRunFailed);
  }
  terminate_with_abort();
  std::abort();
}

void prepare_for_lack_of_memory() {
  terminate_with_abort = std::set_terminate(on_terminate);
  use_memory_reserve();
}

// Before the constructors of all libraries, which need memory too.
[[gnu::section(".preinit_array"),
  gnu::used]] void (*const before_all)() = prepare_for_lack_of_memory;

}  // namespace

int run_program(const std::function<int()>& command) {
  fill_standard_descriptors();
  // Writing beyond a file size limit then fails with an error that can be reported.
  std::signal(SIGXFSZ, SIG_IGN);
  const int code = exit_code_of(command);
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  complain(
      "stdout: cannot write all of the output: the disk is full or the pipe is closed; fix that "
      "and rerun the same command");
  return code == kSuccess ? kStoppedEarly : code;
}

}  // namespace clipsweep
