"""The software Metal itself: what it runs, and the bugs it has to find.

Needs clang (19 or later), cmake and Apple's metal-cpp headers; skips without them.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KERNELS = HERE / "kernels"
SANITIZERS = ("", "address", "thread")
OPTIONS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=0",
    "SOFTMETAL_PYTHON": sys.executable,
    "CMAKE_BUILD_PARALLEL_LEVEL": os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL", "2"),
}

COMPUTES = [
    "elementwise",
    "reductions",
    "tree_reduction",
    "atomics",
    "function_constants",
    "matrix_product",
    "vector_types",
    "simd_functions",
    "diverging_simdgroups",
    "grid_positions",
    "local_arrays",
]
ORDERS = [
    "serial_encoder",
    "barriers",
    "resource_barriers",
    "fences",
    "tracked_buffers",
    "fenced_command_buffers",
    "events",
    "host_signals_event",
    "completed_handlers",
    "many_host_threads",
]
MEMORY = [
    "table_of_chunks",
    "taken_pages",
]
LIMITS = [
    "device_properties",
    "pipeline_properties",
    "compile_error",
    "unknown_function",
    "planned_failures",
    "capture",
    "leaks_are_counted",
]


def compiler() -> str:
    for name in ("clang++-19", "clang++-20", "clang++"):
        if path := shutil.which(name):
            return path
    pytest.skip("clang++ is not installed")


@functools.cache
def headers() -> Path:
    command = [sys.executable, str(ROOT / "cmake" / "metal_cpp.py")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"metal-cpp's headers cannot be fetched: {done.stderr[-200:]}")
    return Path(done.stdout.strip())


@functools.cache
def build(sanitizer: str) -> Path:
    """The test program of one build, kept from run to run."""
    cmake = shutil.which("cmake") or pytest.skip("cmake is not installed")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    checkout = hashlib.sha256(str(HERE).encode()).hexdigest()[:12]
    folder = Path(cache) / "ingot" / "softmetal-build" / checkout
    folder /= sanitizer or "plain"
    folder.mkdir(parents=True, exist_ok=True)
    configure = [cmake, "-S", str(HERE), "-B", str(folder)]
    configure += [f"-DCMAKE_CXX_COMPILER={compiler()}"]
    configure += [f"-DSOFTMETAL_SANITIZE={sanitizer}", f"-DINGOT_METAL_CPP={headers()}"]
    if shutil.which("ninja"):
        configure += ["-G", "Ninja"]
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in (configure, [cmake, "--build", str(folder)]):
            done = subprocess.run(
                command, capture_output=True, text=True, env=os.environ | OPTIONS
            )
            assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return folder / "softmetal_host"


def host(
    sanitizer: str, kernels: Path | str, *cases: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs cases of the test program."""
    command = [str(build(sanitizer)), str(KERNELS / kernels), *cases]
    if sanitizer == "thread":
        # TSan's shadow memory does not go with much randomness of addresses.
        command = ["setarch", "-R", *command]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | OPTIONS | environment,
    )


def passes(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr


def finds(done: subprocess.CompletedProcess[str], *patterns: str) -> None:
    """The program ended badly, and said all of this."""
    text = done.stdout + done.stderr
    assert done.returncode != 0, text
    for pattern in patterns:
        assert re.search(pattern, text), text


# --- what is right ---


@pytest.mark.parametrize("sanitizer", SANITIZERS)
@pytest.mark.parametrize("seed", ["0", "7"])
@pytest.mark.parametrize("group", [COMPUTES, ORDERS, MEMORY, LIMITS])
def test_good_hosts_and_kernels(sanitizer, seed, group):
    passes(host(sanitizer, "good.metal", *group, SOFTMETAL_SEED=seed))


@pytest.mark.parametrize("sanitizer", ["", "address"])
def test_kernels_see_other_addresses_than_the_host(sanitizer):
    passes(host(sanitizer, "good.metal", "separate_addresses"))


def test_one_address_where_it_is_asked_for():
    cases = COMPUTES + ORDERS + MEMORY
    passes(host("", "good.metal", *cases, SOFTMETAL_ADDRESSES="shared"))


def test_smaller_devices():
    passes(host("", "good.metal", "no_device", SOFTMETAL_DEVICE="none"))
    small = {"MAX_BUFFER": "1000", "MAX_THREADS": "128", "TIER": "1"}
    environment = {f"SOFTMETAL_{name}": value for name, value in small.items()}
    passes(host("", "good.metal", "small_device", **environment))


def test_a_thread_without_barriers_is_cheap():
    done = host("", "good.metal", "speed")
    passes(done)
    # 9 ns on an idle machine
    assert float(done.stdout.split()[-1]) < 100


def flatten(path: Path, folders: list[Path], seen: set[Path]) -> str:
    """The source with its own headers in place, as a host hands it to Metal."""
    text = path.read_text()
    if "#pragma once" in text and path in seen:
        return ""
    seen.add(path)

    def included(match: re.Match[str]) -> str:
        tried = [folder / match[1] for folder in (path.parent, *folders)]
        found = next(candidate for candidate in tried if candidate.exists())
        return flatten(found.resolve(), folders, seen)

    text = text.replace("#pragma once", "")
    return re.sub(r'^#include "(.*)"$', included, text, flags=re.MULTILINE)


@pytest.mark.parametrize("sanitizer", SANITIZERS)
def test_shared_headers_give_the_same_bits(sanitizer, tmp_path):
    source = KERNELS / "shared_headers.metal"
    flat = tmp_path / "flat.metal"
    flat.write_text(flatten(source, [ROOT / "metal"], set()))
    passes(host(sanitizer, flat, "shared_functions", "shared_rules", "shared_places"))


def compiled(path: Path, *options: str) -> str:
    """A file with the kernels of good.metal."""
    command = [sys.executable, str(HERE / "msl" / "compile.py"), "-o", str(path)]
    subprocess.run([*command, str(KERNELS / "good.metal"), *options], check=True)
    return str(path)


@pytest.mark.parametrize(
    ("sanitizer", "of_kernels"),
    [("", ""), ("address", "address,undefined"), ("thread", "thread")],
)
def test_a_library_may_be_made_before(sanitizer, of_kernels, tmp_path):
    options = ["--contract", "fast", "--sanitize", of_kernels]
    library = compiled(tmp_path / "good.metallib", *options)
    passes(host(sanitizer, "good.metal", "library_of_a_file", LIBRARY=library))


def test_a_library_made_in_another_way_is_refused(tmp_path):
    def opened(path: Path | str, **environment: str):
        environment["LIBRARY"] = str(path)
        return host("", "good.metal", "library_of_a_file", **environment)

    finds(opened(tmp_path / "none.metallib"), "none.metallib: .*No such file")
    (tmp_path / "text.metallib").write_text("kernels" * 1000)
    finds(opened(tmp_path / "text.metallib"), "text.metallib: .*invalid ELF header")
    message = "must be compiled with --sanitize '' --contract fast, got .*contract off"
    finds(opened(compiled(tmp_path / "off", "--contract", "off")), message)
    fast = compiled(tmp_path / "fast", "--contract", "fast")
    passes(opened(fast))
    message = "must be compiled with --sanitize '' --contract on, got .*contract fast"
    finds(opened(fast, SOFTMETAL_CONTRACT="on"), message)


# --- planted bugs of kernels ---


def test_asan_finds_writes_past_the_end():
    done = host("address", "bad.metal", "write_past_end")
    finds(done, "AddressSanitizer: use-after-poison", "in write_past_end")
    done = host("address", "bad.metal", "write_past_threadgroup")
    finds(done, "index 32 out of bounds|heap-buffer-overflow")


def test_guard_pages_find_writes_past_the_end():
    done = host("", "bad.metal", "write_past_end")
    finds(done, "write_past_end: touches memory outside of a buffer of 256 bytes")


def test_ubsan_finds_misalignment_and_shifts():
    done = host("address", "bad.metal", "misaligned")
    finds(done, "load of misaligned address")
    done = host("address", "bad.metal", "shift_too_far")
    finds(done, "shift exponent 40 is too large")


@pytest.mark.parametrize("kernel", ["no_barrier", "weak_barrier", "shared_sum"])
def test_tsan_finds_races_between_threads(kernel):
    done = host("thread", "bad.metal", kernel)
    finds(done, "ThreadSanitizer: data race", f"{kernel} thread \\d+")


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        ("divergent", "must reach the same barrier, got 5 at a threadgroup_barrier"),
        ("two_barriers", r"must reach the same barrier, .*\(line \d+, line \d+\)"),
        ("too_much_memory", "must be at most 32768 bytes"),
        ("partial_product", "all 32 threads of a simdgroup"),
    ],
)
def test_the_command_buffer_has_an_error(kernel, message):
    for sanitizer in ("", "address"):
        done = host(sanitizer, "bad.metal", kernel)
        passes(done)
        assert re.search(f"{kernel}: .*{message}", done.stdout), done.stdout


def test_threadgroup_memory_starts_as_nan():
    passes(host("", "bad.metal", "uninitialized"))


@pytest.mark.parametrize("sanitizer", ["", "address"])
def test_memory_must_be_resident(sanitizer):
    done = host(sanitizer, "bad.metal", "not_resident")
    finds(done, "copy: touches memory that was not made resident")
    done = host(sanitizer, "bad.metal", "written_though_read_only")
    finds(done, "write_source: writes to a buffer .* read only")


def test_tables_need_tier_2():
    done = host("", "good.metal", "table_of_chunks", SOFTMETAL_TIER="1")
    finds(done, "chunks: touches memory that was not made resident")


def test_contraction_shows_where_no_pragma_forbids_it():
    good = host("", "good.metal", "contraction")
    bad = host("", "bad.metal", "contraction")
    off = host("", "bad.metal", "contraction", SOFTMETAL_CONTRACT="off")
    assert good.stdout == off.stdout == "contracted: 0\n"
    assert int(bad.stdout.split()[-1]) > 10


# --- planted bugs of hosts ---

UNORDERED = [
    "no_barriers",
    "barriers_of_another_resource",
    "no_fences",
    "early_fences",
]


@pytest.mark.parametrize("case", UNORDERED)
def test_shuffling_shows_missing_order(case):
    shuffled = host("", "good.metal", case, SOFTMETAL_SEED="1").stdout
    assert shuffled == "in order: 0\n"
    # Where nothing is shuffled, such a host looks right.
    assert host("", "good.metal", case).stdout == "in order: 1\n"


RACES = [*UNORDERED, "unfenced_command_buffers", "early_read", "late_write"]


@pytest.mark.parametrize("case", RACES)
def test_tsan_finds_missing_order(case):
    done = host("thread", "good.metal", case)
    finds(done, "ThreadSanitizer: data race", "(increment|twice) thread")


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("released_too_often", "MTLBuffer: must not be sent release after its last"),
        ("used_after_release", "MTLBuffer: must not be sent contents after its last"),
        ("dispatch_after_end", "the encoder must be open"),
        ("two_encoders", "the encoder before must be ended"),
        ("committed_twice", "must not be committed yet"),
        ("committed_while_open", "the encoder before must be ended"),
        ("encoder_never_ended", "its encoder must be ended"),
        ("unset_buffer", r"increment: buffer\(0\) must be set"),
        ("buffer_too_small", r"scale: buffer\(2\) must hold 4 bytes, got 2"),
        ("offset_past_end", "offset must be less than the length 256, got 256"),
        ("empty_grid", "the grid must not be empty"),
        ("too_many_threads", r"must be in \[1, 64\], got 65"),
        ("no_pipeline", "a pipeline must be set"),
        ("odd_threadgroup_memory", "must be a multiple of 16 .* got 24"),
        ("unset_threadgroup_memory", r"threadgroup\(0\) must have a length"),
        ("too_many_bytes", r"must be in \[1, 4096\], got 4097"),
        ("fence_waited_for_after_update", "must come before updateFence"),
        ("unknown_selector", "does not respond to newRenderPipelineState"),
        ("freed_in_flight", "MTLBuffer: must outlive the command buffers"),
        ("host_uses_gpu_address", "the host: uses the GPU's address"),
        ("host_reads_past_end", "the host: touches memory outside of a buffer"),
    ],
)
def test_misuse_is_refused(case, message):
    finds(host("", "good.metal", case), f"softmetal: .*{message}")
