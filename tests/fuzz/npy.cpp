// Arrays of NumPy's format .npy.
#include "clipsweep/data/npy.h"

#include "fuzz.h"
#include "targets.h"

namespace clipsweep {

void fuzz_npy(std::string_view input) {
  refusable([&] {
    MemorySource source(input);
    const NpyHeader header = read_npy_header(source, "input");
    const auto floats = read_floats(source, header, "input");
    must_hold(floats.size() == header.elements, "an array has the elements of its shape");
    must_hold(floats.size() < input.size(), "an element has at least one byte");
  });
  refusable([&] {
    MemorySource source(input);
    const NpyHeader header = read_npy_header(source, "input");
    if (!header.type.is_whole()) return;
    const auto numbers = read_whole_numbers(source, header, "input");
    must_hold(numbers.size() == header.elements, "an array has the elements of its shape");
  });
}

}  // namespace clipsweep
