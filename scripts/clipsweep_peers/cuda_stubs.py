"""Lets PyPI's torch load without the 2 GB of CUDA libraries that a CPU never calls.

PyPI has torch for Linux with CUDA only. Its libraries are linked with cuDNN, cuBLAS and so on, and
load only if each of their functions is there. This program puts a function that only returns an
error for each of them into libraries of the same names, next to the two that the CPU's part needs:

    .venv-peers/bin/python -m clipsweep_peers.cuda_stubs

torch.cuda.is_available() is False then. It needs gcc and binutils, and imports no torch.
"""

import re
import subprocess
import sys
import sysconfig
from collections import defaultdict
from pathlib import Path

LINKED_WITH_CUDA = ("libtorch_python.so", "libtorch_cuda.so", "libtorch_nvshmem.so")
LIBRARY = re.compile(r"lib(cublas|cudnn|cufft|cufile|cusparse|nccl|nvrtc|nvshmem)\w*\.so\.\d+")
FUNCTION = re.compile(r"(cublas|cudnn|cufft|cuFile|cusparse|nccl|nvrtc|nvshmem)\w+")


def output_of(*command: object) -> str:
    return subprocess.run(
        [str(word) for word in command], check=True, capture_output=True, encoding="utf-8"
    ).stdout


def needed_libraries(path: Path) -> set[str]:
    """Return the CUDA libraries with which a library is linked, such as libcudnn.so.9."""
    words = re.findall(r"NEEDED +(\S+)", output_of("objdump", "-p", path))
    return {word for word in words if LIBRARY.fullmatch(word)}


def needed_functions(path: Path) -> set[tuple[str, str]]:
    """Return the names of CUDA functions in a library, each with its version ("" for none)."""
    symbols = re.findall(r" U (\w+)@?(\S*)", output_of("nm", "-D", "--undefined-only", path))
    return {(name, version) for name, version in symbols if FUNCTION.fullmatch(name)}


def version_of(library: str) -> str:
    """Return the version of a library's functions: NVIDIA's is the library's own name."""
    return "NVSHMEM" if library.startswith("libnvshmem") else library


def write_stub(path: Path, version: str, functions: list[str]) -> None:
    """Compile a library of functions that return 1, all of one version ("" for none)."""
    source = "".join(f"int {name}(void) {{ return 1; }}\n" for name in functions)
    command = ["gcc", "-shared", "-w", "-fno-builtin", "-x", "c", "-", "-o", str(path)]
    command.append(f"-Wl,-soname,{path.name}")
    script = path.with_suffix(".versions")
    if version:
        script.write_text(f"{version} {{ *; }};\n", encoding="utf-8")
        command.append(f"-Wl,--version-script,{script}")
    subprocess.run(command, input=source, check=True, encoding="utf-8")
    script.unlink(missing_ok=True)


def main() -> int:
    packages = Path(sysconfig.get_path("purelib"))
    paths = [packages / "torch/lib" / name for name in LINKED_WITH_CUDA]
    [folder] = packages.glob("nvidia/cu*/lib")
    functions = defaultdict(list)
    for name, version in sorted(set().union(*map(needed_functions, paths))):
        functions[version].append(name)
    unversioned = functions.pop("", [])
    for library in sorted(set().union(*map(needed_libraries, paths))):
        version = version_of(library)
        if version in functions:
            write_stub(folder / library, version, functions[version])
        else:  # whichever library has them
            write_stub(folder / library, "", unversioned)
            unversioned = []
    return 0


if __name__ == "__main__":
    sys.exit(main())
