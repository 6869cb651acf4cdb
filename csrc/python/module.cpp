// The extension ingot._core: exceptions, signals, and its parts.
// SPDX-License-Identifier: MIT
#include "csrc/cancel.h"
#include "csrc/cpu/backend.h"
#include "csrc/cpu/simd.h"
#include "csrc/error.h"
#include "csrc/eval.h"
#include "csrc/python/fft.h"
#if INGOT_HAS_METAL
#include "csrc/metal/backend.h"
#endif

namespace ingot::python {
namespace {

// Python handles signals on this thread alone.
unsigned long main_thread;

// Runs on the thread that waits for an eval. Others must not ask for the
// interpreter here: who holds it may be waiting for them.
void check_signals() {
  if (PyThread_get_thread_ident() != main_thread) return;
  nb::gil_scoped_acquire gil;
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
}

PyObject* axis_error = nullptr;

void translate(const std::exception_ptr& pointer, void*) {
  try {
    std::rethrow_exception(pointer);
  } catch (const AxisError& e) {
    PyErr_SetString(axis_error, e.what());
  } catch (const ValueError& e) {
    PyErr_SetString(PyExc_ValueError, e.what());
  } catch (const TypeError& e) {
    PyErr_SetString(PyExc_TypeError, e.what());
  } catch (const IndexError& e) {
    PyErr_SetString(PyExc_IndexError, e.what());
  } catch (const MemoryError& e) {
    PyErr_SetString(PyExc_MemoryError, e.what());
  }
}

void bind_errors(nb::module_& m) {
  nb::object bases = nb::make_tuple(nb::borrow(PyExc_ValueError),
                                    nb::borrow(PyExc_IndexError));
  axis_error = PyErr_NewExceptionWithDoc(
      "ingot._core.AxisError",
      "An axis out of range; both a ValueError and an IndexError.", bases.ptr(),
      nullptr);
  m.attr("AxisError") = nb::borrow(axis_error);
  nb::register_exception_translator(translate);
}

// Signals, and fork() while another thread computes, which may need the
// interpreter to finish.
void install_hooks() {
  set_poll(check_signals);
  install_fork_handlers();
  nb::object main = nb::module_::import_("threading").attr("main_thread")();
  main_thread = nb::cast<unsigned long>(main.attr("ident"));
  auto drain = [] {
    nb::gil_scoped_release release;
    drain_all();
  };
  auto restart = [] { main_thread = PyThread_get_thread_ident(); };
  nb::module_::import_("os").attr("register_at_fork")(
      "before"_a = nb::cpp_function(drain),
      "after_in_child"_a = nb::cpp_function(restart));
}

}  // namespace

NB_MODULE(_core, m) {
  m.doc() = "Arrays, graph and kernels of ingot.";
  m.attr("_version") = INGOT_VERSION;
  // At exit Python may drop modules after types: no leak, but it reads like
  // one.
  nb::set_leak_warnings(false);
  cpu::kernels();  // an ImportError where the processor has none
  // Not destroyed: workers may still compute while the process exits.
  static cpu::CpuBackend& cpu = *new cpu::CpuBackend;
  register_backend(DeviceType::cpu, cpu);
#if INGOT_HAS_METAL
  metal::start(cpu);
#endif
  install_hooks();
  bind_errors(m);
  bind_runtime(m);
  bind_device_info(m);
  bind_array(m);
  bind_asarray(m);
  bind_elementwise(m);
  bind_complex(m);
  bind_create(m);
  bind_windows(m);
  bind_views(m);
  bind_shapes(m);
  bind_strided(m);
  bind_copies(m);
  bind_reduce(m);
  bind_scan(m);
  bind_sort(m);
  bind_linalg(m);
  bind_parts(m);
  bind_conv(m);
  bind_quantize(m);
  bind_qqmm(m);
  bind_fft(m);
  bind_products(m);
  bind_standard(m);
  bind_fast(m);
  bind_custom(m);
  bind_index(m);
  bind_random(m);
  bind_transforms(m);
  bind_recording(m);
  bind_program(m);
  bind_step(m);
  bind_utils(m);
  bind_metal(m);
  bind_bench(m);
  bind_methods(m, m.attr("array"));
}

}  // namespace ingot::python
