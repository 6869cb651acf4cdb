// Python indices to slices, gathers and scatters: what is known when the index
// is written becomes a view, what is in arrays is looked up when evaluated.
// SPDX-License-Identifier: MIT
#include "csrc/python/indexing.h"

#include <algorithm>
#include <vector>

namespace ingot::python {
namespace {

// One item of an index.
struct Item {
  enum Kind { slice, integer, array, new_axis, ellipsis } kind;
  nb::object object;  // a slice or an integer
  Array indices;      // of an array

  bool takes_axis() const { return kind != new_axis && kind != ellipsis; }
};

bool is_sequence(nb::handle value) {
  return PyList_Check(value.ptr()) || PyTuple_Check(value.ptr());
}

Item array_item(Array indices, const char* op) {
  require<TypeError>(indices.dtype() != Dtype::bool_, op,
                     ": index must not be a boolean mask, except alone in an "
                     "assignment; use where(mask, x, y) instead");
  require<TypeError>(is_integer(indices.dtype()), op,
                     ": an index array must be of integers, got ",
                     indices.dtype());
  return {Item::array, {}, std::move(indices)};
}

Item parse_item(nb::handle item, const char* op) {
  PyObject* o = item.ptr();
  if (o == Py_None) return {Item::new_axis, {}, {}};
  if (o == Py_Ellipsis) return {Item::ellipsis, {}, {}};
  if (PySlice_Check(o)) return {Item::slice, nb::borrow(item), {}};
  if (PyLong_Check(o) && !PyBool_Check(o)) {
    return {Item::integer, nb::borrow(item), {}};
  }
  if (nb::isinstance<Array>(item)) return array_item(to_array(item), op);
  if (is_sequence(item)) {
    if (nb::len(item) == 0) return {Item::array, {}, zeros({0}, Dtype::int32)};
    return array_item(to_array(item), op);
  }
  bool buffer = PyObject_CheckBuffer(o) && !PyBytes_Check(o);
  if (buffer || nb::hasattr(item, "__array__")) {
    Array indices = to_array(item);
    bool number = indices.ndim() == 0 && PyIndex_Check(o);
    if (!number) return array_item(std::move(indices), op);
  }
  require<TypeError>(PyIndex_Check(o) && !PyBool_Check(o), op,
                     ": index must be made of ints, slices, None, Ellipsis and "
                     "integer arrays, got ",
                     nb::type_name(item.type()).c_str());
  return {Item::integer, nb::borrow(item), {}};
}

// The items of an index, with full slices for the axes that it leaves out. All
// of it before the ellipsis counts from the first axis, the rest from the last.
std::vector<Item> parse(const Array& x, nb::handle index, const char* op) {
  std::vector<Item> items;
  if (PyTuple_Check(index.ptr())) {
    for (nb::handle item : index) items.push_back(parse_item(item, op));
  } else {
    items.push_back(parse_item(index, op));
  }
  int64_t taken = 0, ellipses = 0;
  for (const Item& item : items) {
    taken += item.takes_axis();
    ellipses += item.kind == Item::ellipsis;
  }
  require<IndexError>(ellipses <= 1, op, ": index must have one Ellipsis at ",
                      "most, got ", ellipses);
  require<IndexError>(taken <= x.ndim(), op, ": index must have at most ",
                      x.ndim(), " items for shape ", x.shape(), ", got ",
                      taken);
  if (ellipses == 0) items.push_back({Item::ellipsis, {}, {}});
  auto at = std::find_if(items.begin(), items.end(), [](const Item& item) {
    return item.kind == Item::ellipsis;
  });
  nb::object all = nb::steal(PySlice_New(nullptr, nullptr, nullptr));
  items.insert(at + 1, x.ndim() - taken, Item{Item::slice, all, {}});
  return items;
}

// An index in terms of x: first a slice of it, shown in `shape` (without the
// axes of integers, with new ones); then, if there are index arrays, a gather
// from that.
struct Index {
  Shape start, stop, step;
  Shape shape;
  Arrays indices;
  std::vector<int64_t> axes;  // of `shape`
  Shape places;               // what the index arrays broadcast to
  int64_t position = 0;       // of `places` among the other axes of the result

  bool dynamic() const { return !indices.empty(); }
  std::vector<int64_t> windows() const {
    std::vector<int64_t> windows(shape.begin(), shape.end());
    for (int64_t axis : axes) windows[axis] = 1;
    return windows;
  }
};

void add_integer(Index& index, const Item& item, int64_t n, int64_t axis,
                 const char* op) {
  // Integers beyond 64 bits are clipped, and so out of range.
  Py_ssize_t i = PyNumber_AsSsize_t(item.object.ptr(), nullptr);
  if (i == -1 && PyErr_Occurred()) throw nb::python_error();
  require<IndexError>(i >= -n && i < n, op, ": index must be in [", -n, ", ", n,
                      ") along axis ", axis, ", got ", Shown{item.object});
  if (i < 0) i += n;
  index.start.push_back(i);
  index.stop.push_back(i + 1);
  index.step.push_back(1);
}

void add_slice(Index& index, nb::handle slice, int64_t n) {
  Py_ssize_t start, stop, step;
  if (PySlice_Unpack(slice.ptr(), &start, &stop, &step) < 0) {
    throw nb::python_error();
  }
  Py_ssize_t count = PySlice_AdjustIndices(n, &start, &stop, step);
  // Of one element or none the step tells nothing, and it may be huge.
  if (count <= 1) {
    start = count == 1 ? start : 0;
    stop = start + count;
    step = 1;
  }
  index.start.push_back(start);
  index.stop.push_back(stop);
  index.step.push_back(step);
  index.shape.push_back(count);
}

// As NumPy: index arrays (and integers beside them) that stand together are
// replaced by their common axes, otherwise those come first.
void place_arrays(Index& index, const std::vector<Item>& items) {
  int64_t groups = 0, before = 0;
  bool inside = false;
  for (const Item& item : items) {
    bool advanced = item.kind == Item::array || item.kind == Item::integer;
    groups += advanced && !inside;
    before += !advanced && groups == 0 && item.kind != Item::ellipsis;
    inside = advanced;
  }
  index.position = groups == 1 ? before : 0;
}

Index resolve(const Array& x, nb::handle object, const char* op) {
  std::vector<Item> items = parse(x, object, op);
  Index index;
  for (const Item& item : items) {
    int64_t axis = index.start.size();
    int64_t n = item.takes_axis() ? x.shape(axis) : 0;
    switch (item.kind) {
      case Item::integer:
        add_integer(index, item, n, axis, op);
        break;
      case Item::slice:
        add_slice(index, item.object, n);
        break;
      case Item::array:
        index.indices.push_back(item.indices);
        index.axes.push_back(index.shape.size());
        index.places = broadcast_shapes(index.places, item.indices.shape(), op);
        index.start.push_back(0);
        index.stop.push_back(n);
        index.step.push_back(1);
        index.shape.push_back(n);
        break;
      case Item::new_axis:
        index.shape.push_back(1);
        break;
      case Item::ellipsis:
        break;
    }
  }
  if (index.dynamic()) place_arrays(index, items);
  return index;
}

Array window_of(const Array& x, const Index& index) {
  return reshape(slice(x, index.start, index.stop, index.step), index.shape);
}

// `first` axes from `from`, then those before them, then the rest.
Shape rotated(int64_t ndim, int64_t from, int64_t first) {
  Shape order;
  for (int64_t i = from; i < from + first; ++i) order.push_back(i);
  for (int64_t i = 0; i < from; ++i) order.push_back(i);
  for (int64_t i = from + first; i < ndim; ++i) order.push_back(i);
  return order;
}

Array lookup(const Array& x, nb::handle object, const char* op) {
  Index index = resolve(x, object, op);
  Array base = window_of(x, index);
  if (!index.dynamic()) return base;
  std::vector<int64_t> windows = index.windows();
  Array found = gather(base, index.indices, index.axes, windows, op);
  Shape shape = index.places;
  for (int64_t i = 0; i < base.ndim(); ++i) {
    auto end = index.axes.end();
    if (std::find(index.axes.begin(), end, i) == end) {
      shape.push_back(windows[i]);
    }
  }
  found = reshape(found, shape);
  return transpose(found,
                   rotated(found.ndim(), index.places.size(), index.position));
}

// The value broadcast to a shape; it may have more axes of size 1 in front.
Array fit(Array value, const Shape& shape, const char* op) {
  Shape own = value.shape();
  while (own.size() > shape.size() && own[0] == 1) own.erase(0);
  bool fits = own.size() <= shape.size();
  for (int64_t i = 1; fits && i <= own.size(); ++i) {
    int64_t n = own[own.size() - i];
    fits = n == 1 || n == shape[shape.size() - i];
  }
  require(fits, op, ": value must broadcast to shape ", shape, ", got ",
          value.shape());
  return broadcast_to(reshape(value, own), shape);
}

Array combine(ScatterOp op, const Array& x, const Array& value) {
  switch (op) {
    case ScatterOp::assign:
      return value;
    case ScatterOp::add:
      return add(x, value);
    case ScatterOp::multiply:
      return multiply(x, value);
    case ScatterOp::divide:
      return astype(divide(x, value), x.dtype());
    case ScatterOp::max:
      return maximum(x, value);
    case ScatterOp::min:
      break;
  }
  return minimum(x, value);
}

// The window of x that arrays index into, with the value combined at the
// places.
Array update_places(ScatterOp op, const Array& base, const Index& index,
                    const Array& value, const char* name) {
  std::vector<int64_t> windows = index.windows();
  Shape others, shape = index.places;
  for (int64_t i = 0; i < base.ndim(); ++i) {
    auto end = index.axes.end();
    if (std::find(index.axes.begin(), end, i) == end) {
      others.push_back(windows[i]);
    }
    shape.push_back(windows[i]);
  }
  Shape result(others.begin(), others.begin() + index.position);
  for (int64_t n : index.places) result.push_back(n);
  for (int64_t i = index.position; i < others.size(); ++i) {
    result.push_back(others[i]);
  }
  Array updates = fit(value, result, name);
  updates = transpose(
      updates, rotated(updates.ndim(), index.position, index.places.size()));
  return scatter(op, base, index.indices, reshape(updates, shape), index.axes,
                 name);
}

// The mask, where the index is one boolean array.
std::optional<Array> mask_of(nb::handle index) {
  PyObject* o = index.ptr();
  if (PyTuple_Check(o)) {
    if (PyTuple_Size(o) != 1) return std::nullopt;
    return mask_of(PyTuple_GetItem(o, 0));
  }
  bool buffer = PyObject_CheckBuffer(o) && !PyBytes_Check(o);
  if (!nb::isinstance<Array>(index) && !PyList_Check(o) && !buffer) {
    return std::nullopt;
  }
  if (PyList_Check(o) && PyList_Size(o) == 0) return std::nullopt;
  Array mask = to_array(index);
  if (mask.dtype() != Dtype::bool_) return std::nullopt;
  return mask;
}

// x where the mask (of its leading axes) is false. Elsewhere the value: one for
// all places, or one after the other along its first axis.
Array update_masked(const Array& x, const Array& mask, const Array& value,
                    const char* op) {
  int64_t ndim = mask.ndim();
  bool fits =
      ndim <= x.ndim() &&
      std::equal(mask.shape().begin(), mask.shape().end(), x.shape().begin());
  require<IndexError>(fits, op, ": mask must have the shape of the first axes ",
                      "of ", x.shape(), ", got ", mask.shape());
  Shape wide = mask.shape(), rest(x.shape().begin() + ndim, x.shape().end());
  for (int64_t i = ndim; i < x.ndim(); ++i) wide.push_back(1);
  Array condition = reshape(mask, wide);
  if (value.ndim() <= rest.size() || value.size() == 1) {
    return where(condition, fit(value, rest, op), x);
  }
  int64_t n = mask.size();
  Shape rows = rest;
  rows.insert(0, value.shape(0));
  Array values = fit(value, rows, op);
  // Sorting brings the numbers of the true places to the front, in order; the
  // place of a number there says which value it gets.
  Array flat = reshape(mask, {n});
  Array numbers = arange(0, static_cast<double>(n), 1, Dtype::int64);
  Array last = Array::scalar(n, Dtype::int64);
  Array order = argsort(where(flat, numbers, last), 0);
  Array rank = put_along_axis(numbers, order, numbers, 0);
  rank = where(flat, rank, Array::scalar(int64_t{0}, Dtype::int64));
  std::vector<int64_t> windows(rows.begin(), rows.end());
  windows[0] = 1;
  Array chosen = gather(values, {rank}, {0}, windows, op);
  return where(condition, reshape(chosen, x.shape()), x);
}

}  // namespace

Array update_item(ScatterOp op, const Array& x, nb::handle object,
                  const Array& value, const char* name) {
  Index index = resolve(x, object, name);
  Array changed;
  if (index.dynamic()) {
    changed = update_places(op, window_of(x, index), index, value, name);
  } else {
    Array values = fit(value, index.shape, name);
    bool assign = op == ScatterOp::assign;
    changed = assign ? values : combine(op, window_of(x, index), values);
  }
  Shape window;
  for (int64_t i = 0; i < x.ndim(); ++i) {
    int64_t span = std::abs(index.stop[i] - index.start[i]);
    int64_t step = std::abs(index.step[i]);
    window.push_back((span + step - 1) / step);
  }
  return slice_update(x, reshape(changed, window), index.start, index.stop,
                      index.step);
}

Array getitem(const Array& x, nb::object index) {
  return lookup(x, index, "getitem");
}

void setitem(Array& x, nb::object index, nb::object value) {
  Array values = to_array(value, x.dtype());
  if (auto mask = mask_of(index)) {
    x = update_masked(x, *mask, values, "setitem");
  } else {
    x = update_item(ScatterOp::assign, x, index, values, "setitem");
  }
}

}  // namespace ingot::python
