// Random numbers in Python: the module ingot.core.random.
// SPDX-License-Identifier: MIT
#include "csrc/ops/random.h"

#include "csrc/python/module.h"

namespace ingot::python {
namespace {

using random::Parameter;
using Key = std::optional<Array>;
using ShapeArg = std::optional<IntOrInts>;

#define INGOT_KEY_AND_STREAM "key"_a = nb::none(), "stream"_a = nb::none()
#define INGOT_DRAW_ARGS                                                       \
  "\n    dtype: element type, float32 by default.\n    key: uint32 array "    \
  "(2,); the next one of the global state by default.\n    stream: stream "   \
  "or device.\n\nRaises:\n    ValueError: if a parameter does not broadcast " \
  "to shape, or dtype is not floating."

Array or_next(const Key& key) { return key ? *key : Array(); }

std::optional<Shape> or_none(const ShapeArg& shape) {
  return shape ? std::optional(shape->values) : std::nullopt;
}

// A number, an array, or None for the number given.
Parameter parameter(const ArrayLike& x, double otherwise = 0) {
  if (x.value.is_none()) return otherwise;
  if (is_number(x.value)) return nb::cast<double>(nb::float_(x.value));
  return to_array(x.value);
}

uint64_t to_seed(const nb::int_& seed) {
  uint64_t value = PyLong_AsUnsignedLongLong(seed.ptr());
  bool bad = PyErr_Occurred() != nullptr;
  if (bad) PyErr_Clear();
  require(!bad, "random: seed must be in [0, 2^64), got ",
          nb::str(seed).c_str());
  return value;
}

// The global state as a list of one key.
struct RandomState {};

void check_index(int64_t i) {
  require<IndexError>(i == 0 || i == -1, "random.state: index must be 0, got ",
                      i);
}

nb::list state_list() {
  nb::list state;
  state.append(nb::cast(random::default_sequence().state()));
  return state;
}

void bind_state(nb::module_& m) {
  nb::class_<RandomState>(
      m, "RandomState",
      "The state of draws without a key, as a list of one key: save it with a "
      "checkpoint, and set state[0] to go on from there.")
      .def("__len__", [](const RandomState&) { return 1; })
      .def("__getitem__",
           [](const RandomState&, int64_t i) {
             check_index(i);
             return random::default_sequence().state();
           })
      .def("__setitem__",
           [](const RandomState&, int64_t i, const Array& key) {
             check_index(i);
             random::default_sequence().set_state(key);
           })
      .def("__iter__",
           [](const RandomState&) { return state_list().attr("__iter__")(); })
      .def("__repr__",
           [](const RandomState&) { return nb::str(state_list()); });
  m.attr("state") = RandomState();
}

void bind_keys(nb::module_& m) {
  m.def(
      "seed",
      [](const nb::int_& seed) {
        random::default_sequence().seed(to_seed(seed));
      },
      "seed"_a,
      "Sets the state that draws without a key begin from.\n\nArgs:\n    seed: "
      "integer in [0, 2^64). Equal seeds give equal numbers, whatever the "
      "device and the number of threads.");
  m.def(
      "key", [](const nb::int_& seed) { return random::key(to_seed(seed)); },
      "seed"_a,
      "The key of a seed: a uint32 array (2,).\n\nArgs:\n    seed: integer in "
      "[0, 2^64).\n\nExample:\n    >>> import ingot.core as mx\n    >>> "
      "mx.random.key(7)\n    array([0, 7], dtype=uint32)");
  m.def(
      "split",
      [](const Array& key, int64_t num, const StreamArg& stream) {
        OnStream scope(stream);
        return random::split(key, num);
      },
      "key"_a, "num"_a = 2, "stream"_a = nb::none(),
      "Independent keys (num, 2) made from one key. Use each key once.");
}

void bind_real(nb::module_& m) {
  m.def(
      "uniform",
      [](const ArrayLike& low, const ArrayLike& high, const IntOrInts& shape,
         const DtypeArg& dtype, const Key& key, const StreamArg& stream) {
        OnStream scope(stream);
        return random::uniform(parameter(low), parameter(high, 1), shape.values,
                               dtype_or(dtype, Dtype::float32), or_next(key));
      },
      "low"_a = 0, "high"_a = 1, "shape"_a = nb::tuple(),
      "dtype"_a = nb::none(), INGOT_KEY_AND_STREAM,
      "Uniform numbers in [low, high).\n\nArgs:\n    low: number or array.\n   "
      " high: number or array.\n    shape: int or ints." INGOT_DRAW_ARGS
      "\n\nExample:\n    >>> import ingot.core as mx\n    >>> "
      "mx.random.uniform(-1, 1, (4,), key=mx.random.key(0)).shape\n    (4,)");
  m.def(
      "normal",
      [](const IntOrInts& shape, const DtypeArg& dtype, const ArrayLike& loc,
         const ArrayLike& scale, const Key& key, const StreamArg& stream) {
        OnStream scope(stream);
        return random::normal(parameter(loc), parameter(scale, 1), shape.values,
                              dtype_or(dtype, Dtype::float32), or_next(key));
      },
      "shape"_a = nb::tuple(), "dtype"_a = nb::none(), "loc"_a = nb::none(),
      "scale"_a = nb::none(), INGOT_KEY_AND_STREAM,
      "Normal numbers, loc + scale * N(0, 1).\n\nArgs:\n    shape: int or "
      "ints.\n    loc: mean, number or array, 0 by default.\n    scale: "
      "standard deviation, number or array, 1 by default." INGOT_DRAW_ARGS);
  m.def(
      "truncated_normal",
      [](const ArrayLike& lower, const ArrayLike& upper, const ShapeArg& shape,
         const DtypeArg& dtype, const Key& key, const StreamArg& stream) {
        OnStream scope(stream);
        return random::truncated_normal(
            parameter(lower), parameter(upper), or_none(shape),
            dtype_or(dtype, Dtype::float32), or_next(key));
      },
      "lower"_a, "upper"_a, "shape"_a = nb::none(), "dtype"_a = nb::none(),
      INGOT_KEY_AND_STREAM,
      "Standard normal numbers on the condition that they lie within [lower, "
      "upper].\n\nArgs:\n    lower: number or array.\n    upper: number or "
      "array.\n    shape: int or ints; that of the bounds by "
      "default." INGOT_DRAW_ARGS);
  m.def(
      "gumbel",
      [](const IntOrInts& shape, const DtypeArg& dtype, const Key& key,
         const StreamArg& stream) {
        OnStream scope(stream);
        return random::gumbel(shape.values, dtype_or(dtype, Dtype::float32),
                              or_next(key));
      },
      "shape"_a = nb::tuple(), "dtype"_a = nb::none(), INGOT_KEY_AND_STREAM,
      "Standard Gumbel numbers, -ln(-ln u) for uniform u.\n\nArgs:\n    shape: "
      "int or ints." INGOT_DRAW_ARGS);
  m.def(
      "laplace",
      [](const IntOrInts& shape, const DtypeArg& dtype, const ArrayLike& loc,
         const ArrayLike& scale, const Key& key, const StreamArg& stream) {
        OnStream scope(stream);
        return random::laplace(parameter(loc), parameter(scale, 1),
                               shape.values, dtype_or(dtype, Dtype::float32),
                               or_next(key));
      },
      "shape"_a = nb::tuple(), "dtype"_a = nb::none(), "loc"_a = 0.0,
      "scale"_a = 1.0, INGOT_KEY_AND_STREAM,
      "Laplace numbers, of density e^(-|x - loc| / scale) / (2 "
      "scale).\n\nArgs:\n    shape: int or ints.\n    loc: mean, number or "
      "array.\n    scale: number or array." INGOT_DRAW_ARGS);
}

Array permutation(const nb::object& x, int64_t axis, const Array& key) {
  if (nb::isinstance<Array>(x)) {
    return random::permutation(nb::cast<Array>(x), axis, key);
  }
  require<TypeError>(PyIndex_Check(x.ptr()),
                     "permutation: x must be an int or an array, got ",
                     nb::type_name(x.type()).c_str());
  return random::permutation(nb::cast<int64_t>(x.attr("__index__")()), key);
}

void bind_discrete(nb::module_& m) {
  m.def(
      "bernoulli",
      [](const ArrayLike& p, const ShapeArg& shape, const Key& key,
         const StreamArg& stream) {
        OnStream scope(stream);
        return random::bernoulli(parameter(p, 0.5), or_none(shape),
                                 or_next(key));
      },
      "p"_a = 0.5, "shape"_a = nb::none(), INGOT_KEY_AND_STREAM,
      "Bools that are true with probability p.\n\nArgs:\n    p: number or "
      "floating array.\n    shape: int or ints; that of p by default.\n    "
      "key: uint32 array (2,).\n    stream: stream or device.");
  m.def(
      "randint",
      [](const ArrayLike& low, const ArrayLike& high, const IntOrInts& shape,
         const DtypeArg& dtype, const Key& key, const StreamArg& stream) {
        OnStream scope(stream);
        return random::randint(parameter(low), parameter(high), shape.values,
                               dtype_or(dtype, Dtype::int32), or_next(key));
      },
      "low"_a, "high"_a, "shape"_a = nb::tuple(), "dtype"_a = nb::none(),
      INGOT_KEY_AND_STREAM,
      "Integers in [low, high), drawn by way of float32: beyond 2^24 not every "
      "one can occur.\n\nArgs:\n    low: number or array.\n    high: number or "
      "array.\n    shape: int or ints.\n    dtype: integer type or bool, int32 "
      "by default.\n    key: uint32 array (2,).\n    stream: stream or "
      "device.");
  m.def(
      "categorical",
      [](const ArrayLike& logits, int64_t axis, const ShapeArg& shape,
         std::optional<int64_t> num_samples, const Key& key,
         const StreamArg& stream) {
        OnStream scope(stream);
        return random::categorical(to_array(logits.value), axis, or_none(shape),
                                   num_samples, or_next(key));
      },
      "logits"_a, "axis"_a = -1, "shape"_a = nb::none(),
      "num_samples"_a = nb::none(), INGOT_KEY_AND_STREAM,
      "Indices (uint32) along an axis, drawn with probabilities "
      "softmax(logits).\n\nArgs:\n    logits: array.\n    axis: that of the "
      "outcomes.\n    shape: of the result; the shape of logits without axis "
      "must broadcast to it, and is the default.\n    num_samples: number of "
      "draws from each distribution, along a new last axis; not with shape.\n "
      "   key: uint32 array (2,).\n    stream: stream or device.");
  m.def(
      "permutation",
      [](const nb::object& x, int64_t axis, const Key& key,
         const StreamArg& stream) {
        OnStream scope(stream);
        return permutation(x, axis, or_next(key));
      },
      "x"_a, "axis"_a = 0, INGOT_KEY_AND_STREAM,
      "The integers below x (uint32) in random order, or the entries of an "
      "array x along an axis.");
}

}  // namespace

void bind_random(nb::module_& m) {
  nb::module_ sub = m.def_submodule(
      "random",
      "Random numbers. A draw is a function of its key: the same on every "
      "device and for every number of threads.");
  bind_state(sub);
  bind_keys(sub);
  bind_real(sub);
  bind_discrete(sub);
}

}  // namespace ingot::python
