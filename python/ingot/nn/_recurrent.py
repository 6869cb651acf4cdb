"""Recurrent layers: RNN, GRU and LSTM, which carry a state along a sequence."""

from __future__ import annotations

import math
from collections.abc import Callable

import ingot.core as mx

from ._check import array, last_dimension, positive_integer
from ._functions import tanh
from ._module import Module

__all__ = ["GRU", "LSTM", "RNN"]


class _Recurrent(Module):
    """What the layers share: their sizes, their steps, and checks of the states."""

    def _sizes(self, input_size: int, hidden_size: int) -> tuple[int, int]:
        name = type(self).__name__
        self.hidden_size = positive_integer(name, "hidden_size", hidden_size)
        return positive_integer(name, "input_size", input_size), self.hidden_size

    def _start(self, *shape: int) -> mx.array:
        """Uniform on [-k, k) with k = 1 / sqrt(hidden_size)."""
        k = 1 / math.sqrt(self.hidden_size)
        return mx.random.uniform(low=-k, high=k, shape=shape)

    def _repr_of(self, weight: mx.array, bias: str) -> str:
        return (
            f"input_dims={weight.shape[-1]}, hidden_size={self.hidden_size}, "
            f"bias={bias in self}"
        )

    def _check(
        self, x: mx.array, weight: mx.array, **states: mx.array | None
    ) -> list[mx.array]:
        """The states to begin with; raise unless all arguments fit the layer."""
        size = weight.shape[-1]
        name = f"{type(self).__name__}({size}, {self.hidden_size})"
        last_dimension(name, x, size)
        if x.ndim < 2:
            raise ValueError(
                f"{name}: x must have shape (N, L, {size}) or (L, {size}), "
                f"got {tuple(x.shape)}"
            )
        shape = (*x.shape[:-2], self.hidden_size)
        for what, state in states.items():
            if state is None:
                continue
            array(name, what, state)
            if tuple(state.shape) != shape:
                raise ValueError(
                    f"{name}: {what} must have shape {shape}, for x of shape "
                    f"{tuple(x.shape)}, got {tuple(state.shape)}"
                )
        dtype = mx.result_type(x.dtype, weight.dtype)
        return [
            mx.zeros(shape, dtype) if state is None else state
            for state in states.values()
        ]


def _steps(x: mx.array, weight: mx.array, bias: mx.array | None) -> list[mx.array]:
    """W x_t + b of each step t: one product for the whole sequence."""
    x = mx.moveaxis(x, -2, 0)
    if x.shape[0] == 0:
        return []
    products = x @ weight.T if bias is None else mx.addmm(bias, x, weight.T)
    # A split, unlike slices, has one concatenation as its derivative.
    return [part.squeeze(0) for part in mx.split(products, x.shape[0])]


def _joined(states: list[mx.array], start: mx.array) -> mx.array:
    """The states of all steps, with the steps before the features."""
    if states:
        return mx.stack(states, axis=-2)
    shape = (*start.shape[:-1], 0, start.shape[-1])
    return mx.zeros(shape, start.dtype)


class RNN(_Recurrent):
    """Apply an Elman network to a sequence: h_t = tanh(Wxh x_t + Whh h_(t-1) + b).

    `Wxh` has shape (hidden_size, input_size), `Whh` (hidden_size, hidden_size) and
    `bias` (hidden_size,); all start uniform on [-k, k) with k = 1 / sqrt(hidden_size).

    Called as `rnn(x, hidden=None)` with x of shape (N, L, input_size) or (L,
    input_size) for L steps, and the hidden state before the first, of shape (N,
    hidden_size) or (hidden_size,), by default zeros. The result holds the hidden
    states after each step, in shape (N, L, hidden_size) or (L, hidden_size).

    Args:
        input_size: The number of input features.
        hidden_size: The number of features of the hidden state.
        bias: Whether there is a bias. Default: True.
        nonlinearity: A function of an array in the place of tanh. Default: None.

    Raises:
        TypeError: `nonlinearity` cannot be called.
        ValueError: A size is below 1; or, when called, a shape is not as said.

    Reference:
        Elman (1990), Finding structure in time.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> rnn = nn.RNN(3, 8)
        >>> states = rnn(mx.zeros((2, 5, 3)))
        >>> states.shape
        (2, 5, 8)
        >>> rnn(mx.zeros((2, 1, 3)), hidden=states[:, -1]).shape
        (2, 1, 8)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: Callable[[mx.array], mx.array] | None = None,
    ) -> None:
        super().__init__()
        inputs, hidden = self._sizes(input_size, hidden_size)
        self.nonlinearity = tanh if nonlinearity is None else nonlinearity
        if not callable(self.nonlinearity):
            raise TypeError(
                f"RNN: nonlinearity must be a function, got {nonlinearity!r}"
            )
        self.Wxh = self._start(hidden, inputs)
        self.Whh = self._start(hidden, hidden)
        if bias:
            self.bias = self._start(hidden)

    def _extra_repr(self) -> str:
        name = getattr(self.nonlinearity, "__name__", repr(self.nonlinearity))
        return f"{self._repr_of(self.Wxh, 'bias')}, nonlinearity={name}"

    def __call__(self, x: mx.array, hidden: mx.array | None = None) -> mx.array:
        (state,) = self._check(x, self["Wxh"], hidden=hidden)
        start, recurrent = state, self["Whh"].T
        states = []
        for step in _steps(x, self["Wxh"], self.get("bias")):
            state = self.nonlinearity(mx.addmm(step, state, recurrent))
            states.append(state)
        return _joined(states, start)


class GRU(_Recurrent):
    """Apply a gated recurrent unit to a sequence.

    r = sigmoid(Wxr x_t + Whr h + br), z = sigmoid(Wxz x_t + Whz h + bz),
    n = tanh(Wxn x_t + bn + r * (Whn h + bhn)), h_t = (1 - z) * n + z * h, where h is
    h_(t-1).

    `Wx` has shape (3 hidden_size, input_size) and stacks Wxr, Wxz and Wxn, so do `Wh`,
    (3 hidden_size, hidden_size), and `b`, (3 hidden_size,); `bhn` has shape
    (hidden_size,). All start uniform on [-k, k) with k = 1 / sqrt(hidden_size).

    Called as `gru(x, hidden=None)`, with shapes and result as for RNN.

    Args:
        input_size: The number of input features.
        hidden_size: The number of features of the hidden state.
        bias: Whether there are biases. Default: True.

    Raises:
        ValueError: A size is below 1; or, when called, a shape is not as said.

    Reference:
        Cho et al. (2014), Learning phrase representations using RNN encoder-decoder
        for statistical machine translation, https://arxiv.org/abs/1406.1078

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.GRU(3, 8)(mx.zeros((2, 5, 3))).shape
        (2, 5, 8)
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        super().__init__()
        inputs, hidden = self._sizes(input_size, hidden_size)
        self.Wx = self._start(3 * hidden, inputs)
        self.Wh = self._start(3 * hidden, hidden)
        if bias:
            self.b = self._start(3 * hidden)
            self.bhn = self._start(hidden)

    def _extra_repr(self) -> str:
        return self._repr_of(self.Wx, "b")

    def __call__(self, x: mx.array, hidden: mx.array | None = None) -> mx.array:
        (state,) = self._check(x, self["Wx"], hidden=hidden)
        start, recurrent = state, self["Wh"].T
        gates = 2 * self.hidden_size
        states = []
        for step in _steps(x, self["Wx"], self.get("b")):
            product = state @ recurrent
            rz = mx.sigmoid(step[..., :gates] + product[..., :gates])
            r, z = mx.split(rz, 2, axis=-1)
            candidate = product[..., gates:]
            if "bhn" in self:
                candidate = candidate + self["bhn"]
            n = mx.tanh(step[..., gates:] + r * candidate)
            state = (1 - z) * n + z * state
            states.append(state)
        return _joined(states, start)


class LSTM(_Recurrent):
    """Apply a long short-term memory to a sequence.

    i = sigmoid(Wxi x_t + Whi h + bi), f = sigmoid(Wxf x_t + Whf h + bf),
    g = tanh(Wxg x_t + Whg h + bg), o = sigmoid(Wxo x_t + Who h + bo),
    c_t = f * c + i * g, h_t = o * tanh(c_t), where h and c are h_(t-1) and c_(t-1).

    `Wx` has shape (4 hidden_size, input_size) and stacks Wxi, Wxf, Wxg and Wxo, so do
    `Wh`, (4 hidden_size, hidden_size), and `bias`, (4 hidden_size,). All start uniform
    on [-k, k) with k = 1 / sqrt(hidden_size).

    Called as `lstm(x, hidden=None, cell=None)`, with shapes as for RNN, those of the
    cell state c being those of the hidden one. The result is a pair: the hidden states
    after each step, and the cell states.

    Args:
        input_size: The number of input features.
        hidden_size: The number of features of the hidden and the cell state.
        bias: Whether there is a bias. Default: True.

    Raises:
        ValueError: A size is below 1; or, when called, a shape is not as said.

    Reference:
        Hochreiter and Schmidhuber (1997), Long short-term memory; Gers, Schmidhuber
        and Cummins (2000), Learning to forget, for the gate f.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> hidden, cell = nn.LSTM(3, 8)(mx.zeros((2, 5, 3)))
        >>> hidden.shape, cell.shape
        ((2, 5, 8), (2, 5, 8))
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        super().__init__()
        inputs, hidden = self._sizes(input_size, hidden_size)
        self.Wx = self._start(4 * hidden, inputs)
        self.Wh = self._start(4 * hidden, hidden)
        if bias:
            self.bias = self._start(4 * hidden)

    def _extra_repr(self) -> str:
        return self._repr_of(self.Wx, "bias")

    def __call__(
        self,
        x: mx.array,
        hidden: mx.array | None = None,
        cell: mx.array | None = None,
    ) -> tuple[mx.array, mx.array]:
        h, c = self._check(x, self["Wx"], hidden=hidden, cell=cell)
        start, recurrent = (h, c), self["Wh"].T
        hiddens, cells = [], []
        for step in _steps(x, self["Wx"], self.get("bias")):
            i, f, g, o = mx.split(mx.addmm(step, h, recurrent), 4, axis=-1)
            c = mx.sigmoid(f) * c + mx.sigmoid(i) * mx.tanh(g)
            h = mx.sigmoid(o) * mx.tanh(c)
            hiddens.append(h)
            cells.append(c)
        return _joined(hiddens, start[0]), _joined(cells, start[1])
