// Random numbers in Python: the module ingot.core.random.
// SPDX-License-Identifier: MIT
#include "csrc/ops/random.h"

#include "csrc/python/module.h"
#include "csrc/python/random_state.h"

namespace ingot::python {
namespace {

using random::Parameter;
using Key = std::optional<Array>;
using ShapeArg = std::optional<IntOrInts>;

#define INGOT_KEY_AND_STREAM "key"_a = nb::none(), "stream"_a = nb::none()

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
  require(!bad, "random: seed must be in [0, 2^64), got ", Shown{seed});
  return value;
}

void check_index(int64_t i) {
  require<IndexError>(i == 0 || i == -1, "random.state: index must be 0, got ",
                      i);
}

nb::list list_of(const RandomState& state) {
  nb::list list;
  list.append(nb::cast(state.key()));
  return list;
}

void bind_state(nb::module_& m) {
  nb::class_<RandomState>(
      m, "RandomState",
      "The state of draws without a key, as a list of one key: save it with a "
      "checkpoint, and set state[0] to go on from there.")
      .def("__len__", [](const RandomState&) { return 1; })
      .def(
          "__getitem__",
          [](const RandomState& state, int64_t i) {
            check_index(i);
            return state.key();
          },
          "index"_a)
      .def(
          "__setitem__",
          [](const RandomState& state, int64_t i, const Array& key) {
            check_index(i);
            state.set_key(key);
          },
          "index"_a, "key"_a)
      .def(
          "__iter__",
          [](const RandomState& state) {
            return list_of(state).attr("__iter__")();
          },
          nb::sig("def __iter__(self) -> "
                  "collections.abc.Iterator[ingot._core.array]"))
      .def("__repr__",
           [](const RandomState& state) { return nb::str(list_of(state)); });
  m.attr("state") = RandomState();
}

void bind_keys(nb::module_& m) {
  m.def(
      "seed",
      [](const nb::int_& seed) {
        random::default_sequence().seed(to_seed(seed));
      },
      "seed"_a,
      R"(Sets the state that draws without a key begin from.

Args:
    seed: integer in [0, 2^64). Equal seeds give equal numbers, whatever the
        device and the number of threads.

Raises:
    ValueError: if seed is out of range.)");
  m.def(
      "key", [](const nb::int_& seed) { return random::key(to_seed(seed)); },
      "seed"_a,
      R"(The key of a seed: a uint32 array (2,).

Args:
    seed: integer in [0, 2^64).

Raises:
    ValueError: if seed is out of range.

Example:
    >>> import ingot.core as mx
    >>> mx.random.key(7)
    array([0, 7], dtype=uint32))");
  m.def(
      "split",
      [](const Array& key, int64_t num, const StreamArg& stream) {
        OnStream scope(stream);
        return random::split(key, num);
      },
      "key"_a, "num"_a = 2, "stream"_a = nb::none(),
      R"(Independent keys made from one key. Use each key once.

Args:
    key: uint32 array (2,).
    num: how many.
    stream: stream or device.

Returns:
    uint32 array (num, 2).

Example:
    >>> import ingot.core as mx
    >>> a, b = mx.random.split(mx.random.key(0))
    >>> a
    array([4146024105, 967050713], dtype=uint32))");
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
      R"(Uniform numbers in [low, high).

Args:
    low: number or array.
    high: number or array.
    shape: int or ints.
    dtype: element type, float32 by default.
    key: uint32 array (2,); the next one of the global state by default.
    stream: stream or device.

Raises:
    ValueError: if a parameter does not broadcast to shape, or dtype is not
        floating.

Example:
    >>> import ingot.core as mx
    >>> mx.random.uniform(-1, 1, (4,), key=mx.random.key(0)).shape
    (4,))");
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
      R"(Normal numbers, loc + scale * N(0, 1).

Args:
    shape: int or ints.
    loc: mean, number or array, 0 by default.
    scale: standard deviation, number or array, 1 by default.
    dtype: element type, float32 by default.
    key: uint32 array (2,); the next one of the global state by default.
    stream: stream or device.

Raises:
    ValueError: if a parameter does not broadcast to shape, or dtype is not
        floating.

Example:
    >>> import ingot.core as mx
    >>> mx.random.normal((2, 3), loc=1, scale=0.1).shape
    (2, 3))");
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
      R"(Standard normal numbers on the condition that they lie within bounds.

Args:
    lower: number or array.
    upper: number or array.
    shape: int or ints; that of the bounds by default.
    dtype: element type, float32 by default.
    key: uint32 array (2,); the next one of the global state by default.
    stream: stream or device.

Raises:
    ValueError: if a parameter does not broadcast to shape, or dtype is not
        floating.

Example:
    >>> import ingot.core as mx
    >>> x = mx.random.truncated_normal(-2, 2, (1000,))
    >>> bool(mx.all(mx.abs(x) <= 2))
    True)");
  m.def(
      "gumbel",
      [](const IntOrInts& shape, const DtypeArg& dtype, const Key& key,
         const StreamArg& stream) {
        OnStream scope(stream);
        return random::gumbel(shape.values, dtype_or(dtype, Dtype::float32),
                              or_next(key));
      },
      "shape"_a = nb::tuple(), "dtype"_a = nb::none(), INGOT_KEY_AND_STREAM,
      R"(Standard Gumbel numbers, -ln(-ln u) for uniform u.

Args:
    shape: int or ints.
    dtype: element type, float32 by default.
    key: uint32 array (2,); the next one of the global state by default.
    stream: stream or device.

Raises:
    ValueError: if a parameter does not broadcast to shape, or dtype is not
        floating.)");
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
      R"(Laplace numbers, of density e^(-|x - loc| / scale) / (2 scale).

Args:
    shape: int or ints.
    loc: mean, number or array.
    scale: number or array.
    dtype: element type, float32 by default.
    key: uint32 array (2,); the next one of the global state by default.
    stream: stream or device.

Raises:
    ValueError: if a parameter does not broadcast to shape, or dtype is not
        floating.)");
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
      R"(Bools that are true with probability p.

Args:
    p: number or floating array.
    shape: int or ints; that of p by default.
    key: uint32 array (2,); the next one of the global state by default.
    stream: stream or device.

Raises:
    ValueError: if p does not broadcast to shape, or is not floating.

Example:
    >>> import ingot.core as mx
    >>> mx.random.bernoulli(mx.array([0.0, 1.0]))
    array([False, True], dtype=bool))");
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
      R"(Integers in [low, high).

They are drawn by way of float32: beyond 2^24 not every one can occur.

Args:
    low: number or array.
    high: number or array.
    shape: int or ints.
    dtype: integer type or bool, int32 by default.
    key: uint32 array (2,); the next one of the global state by default.
    stream: stream or device.

Raises:
    ValueError: if a bound does not broadcast to shape, or dtype is floating.

Example:
    >>> import ingot.core as mx
    >>> mx.random.randint(5, 6, (3,))
    array([5, 5, 5], dtype=int32))");
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
      R"(Indices (uint32) along an axis, of probabilities softmax(logits).

Args:
    logits: array.
    axis: that of the outcomes.
    shape: of the result; the shape of logits without axis must broadcast to
        it, and is the default.
    num_samples: number of draws from each distribution, along a new last
        axis; not with shape.
    key: uint32 array (2,); the next one of the global state by default.
    stream: stream or device.

Raises:
    ValueError: if both shape and num_samples are given, or shape does not fit.

Example:
    >>> import ingot.core as mx
    >>> mx.random.categorical(mx.array([-mx.inf, 0.0]), num_samples=3)
    array([1, 1, 1], dtype=uint32))");
  m.def(
      "permutation",
      [](const nb::object& x, int64_t axis, const Key& key,
         const StreamArg& stream) {
        OnStream scope(stream);
        return permutation(x, axis, or_next(key));
      },
      "x"_a, "axis"_a = 0, INGOT_KEY_AND_STREAM,
      R"(Numbers, or the entries of an array along an axis, in random order.

Args:
    x: array, or an int n for the integers (uint32) below n.
    axis: axis to permute along.
    key: uint32 array (2,); the next one of the global state by default.
    stream: stream or device.

Raises:
    TypeError: if x is neither.

Example:
    >>> import ingot.core as mx
    >>> mx.sort(mx.random.permutation(4))
    array([0, 1, 2, 3], dtype=uint32))");
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
  bind_multivariate(sub);
}

}  // namespace ingot::python
