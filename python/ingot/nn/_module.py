"""Module: a dict of arrays and modules, the base class of every layer and model."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable
from reprlib import recursive_repr
from typing import Any, ClassVar, TypeVar

import ingot.core as mx

from ..utils import tree_flatten
from ._reading import Readable
from ._walk import (
    Filter,
    Write,
    check_array,
    own_names,
    parameter_slots,
    plan_arrays,
    plan_modules,
    read_weights,
    write,
)

__all__ = ["Module"]

Self = TypeVar("Self", bound="Module")


class Module(Readable):
    """A container of parameters and other modules.

    Assigning an array, a module, or a list, tuple or dict to an attribute stores it as
    an entry of the dict; anything else becomes an ordinary attribute. The parameters
    are the arrays in the module and in its modules, at any depth of lists and dicts,
    except where the attribute's name starts with an underscore.

    One module may be reached by several names: it then has one set of parameters and
    trains as one. One array assigned to two attributes counts as two parameters that
    start out equal.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> from ingot.utils import tree_flatten
        >>> class Perceptron(nn.Module):
        ...     def __init__(self, inputs: int, outputs: int):
        ...         super().__init__()
        ...         self.hidden = nn.Linear(inputs, 16)
        ...         self.out = nn.Linear(16, outputs)
        ...
        ...     def __call__(self, x):
        ...         return self.out(nn.relu(self.hidden(x)))
        >>> model = Perceptron(4, 2)
        >>> model(mx.zeros((3, 4))).shape
        (3, 2)
        >>> [name for name, _ in tree_flatten(model.parameters())]
        ['hidden.weight', 'hidden.bias', 'out.weight', 'out.bias']
    """

    # Subclasses take whatever inputs they like.
    __call__: Callable[..., Any]
    # Parameters that are state and are not trained: unfreeze leaves them frozen.
    _state_names: ClassVar[frozenset[str]] = frozenset()

    def __init__(self) -> None:
        super().__init__()

    def _extra_repr(self) -> str:
        return ""

    @recursive_repr()
    def __repr__(self) -> str:
        modules = tree_flatten(self.children(), is_leaf=self.is_module)
        lines = [f"({name}): {module!r}" for name, module in modules]
        inner = "".join("\n" + textwrap.indent(line, "  ") for line in lines)
        end = "\n)" if lines else ")"
        return f"{type(self).__name__}({self._extra_repr()}{inner}{end}"

    @property
    def training(self) -> bool:
        """Whether the module is in training mode."""
        return self._training

    @property
    def state(self: Self) -> Self:
        """The module itself, as the dict of all that it holds."""
        return self

    # Writing ----------------------------------------------------------------------

    def update(  # type: ignore[override]
        self: Self, parameters: dict[str, Any], strict: bool = True
    ) -> Self:
        """Replace parameters by those of a tree like `parameters()` or a part of it.

        Everything is checked first: on an error no parameter has changed. To give a
        parameter another shape, assign to its attribute.

        Args:
            parameters: A dict of dicts and lists of arrays; empty containers stand
                for nothing.
            strict: Whether names that the module does not have are errors; if False
                they are ignored. Default: True.

        Returns:
            The module.

        Raises:
            ValueError: An unknown name, a value that is not an array, or a wrong
                shape; the message gives the dotted name.

        Example:
            >>> import ingot.core as mx
            >>> import ingot.nn as nn
            >>> layer = nn.Linear(2, 1)
            >>> layer.update({"bias": mx.ones((1,))}).bias
            array([1], dtype=float32)
        """
        writes: list[Write] = []
        plan_arrays(self, parameters, "", strict, writes)
        write(writes)
        return self

    def update_modules(
        self: Self, modules: dict[str, Any], strict: bool = True
    ) -> Self:
        """Replace modules by those of a tree like `children()` or a part of it.

        Args:
            modules: A dict of dicts and lists of modules; a dict in the place of a
                module replaces modules inside it.
            strict: Whether names that the module does not have are errors; if False
                they are ignored. Default: True.

        Returns:
            The module.

        Raises:
            ValueError: An unknown name, or a value that is not a module; nothing has
                changed then.

        Example:
            >>> import ingot.nn as nn
            >>> model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
            >>> model.update_modules({"layers": [{}, nn.Tanh()]}).layers[1]
            Tanh()
        """
        writes: list[Write] = []
        plan_modules(self, modules, "", strict, writes)
        write(writes)
        return self

    def apply(
        self: Self,
        map_fn: Callable[[mx.array], mx.array],
        filter_fn: Filter | None = None,
    ) -> Self:
        """Replace every parameter `p` by `map_fn(p)`, which must have its shape.

        Args:
            map_fn: Maps an array to an array, for example an initializer.
            filter_fn: Selects parameters. Default: `valid_parameter_filter`.

        Returns:
            The module.

        Raises:
            ValueError: A result is not an array or has another shape; nothing has
                changed then.

        Example:
            >>> import ingot.nn as nn
            >>> model = nn.Linear(2, 2).apply(nn.init.constant(0.5))
            >>> model.weight
            array([[0.5, 0.5],
                   [0.5, 0.5]], dtype=float32)
        """
        return self.update(
            self.filter_and_map(filter_fn or self.valid_parameter_filter, map_fn)
        )

    def apply_to_modules(self: Self, apply_fn: Callable[[str, Module], Any]) -> Self:
        """Call `apply_fn(name, module)` for this module and all below it.

        Args:
            apply_fn: Takes a module's dotted name ("" for this one) and the module.

        Returns:
            The module.
        """
        for name, module in self.named_modules():
            apply_fn(name, module)
        return self

    def set_dtype(
        self,
        dtype: mx.Dtype,
        predicate: Callable[[mx.Dtype], bool] | None = lambda x: mx.issubdtype(
            x, mx.floating
        ),
    ) -> None:
        """Cast parameters to `dtype`.

        Args:
            dtype: The new dtype.
            predicate: Called with each parameter's dtype, selects what is cast.
                Default: floating dtypes; None: all.
        """
        self.apply(
            lambda x: x.astype(dtype) if predicate is None or predicate(x.dtype) else x
        )

    # Training and freezing --------------------------------------------------------

    def _set_training_mode(self, mode: bool) -> None:
        self._training = mode

    def train(self: Self, mode: bool = True) -> Self:
        """Put this module and all below it in training mode, or out of it.

        Args:
            mode: True for training, False for evaluation. Default: True.

        Returns:
            The module.
        """
        for module in self.modules():
            module._set_training_mode(bool(mode))
        return self

    def eval(self: Self) -> Self:
        """Put this module and all below it in evaluation mode; see `train`."""
        return self.train(False)

    def freeze(
        self: Self,
        *,
        recurse: bool = True,
        keys: str | list[str] | None = None,
        strict: bool = False,
    ) -> Self:
        """Exclude parameters from `trainable_parameters`, so from gradients.

        Args:
            recurse: Whether the modules below are meant too. Default: True.
            keys: The names, in each module, of the parameters meant. Default: all.
            strict: Whether `keys` that no module has are errors. Default: False.

        Returns:
            The module.

        Raises:
            KeyError: `strict` and an unknown key; nothing has changed then.

        Example:
            >>> import ingot.nn as nn
            >>> layer = nn.Linear(2, 2).freeze(keys="bias")
            >>> list(layer.trainable_parameters())
            ['weight']
        """
        for module, names in self._frozen_names("freeze", recurse, keys, strict):
            # A new set: copies of a module share the old one.
            module._no_grad = module._no_grad | names
        return self

    def unfreeze(
        self: Self,
        *,
        recurse: bool = True,
        keys: str | list[str] | None = None,
        strict: bool = False,
    ) -> Self:
        """Undo `freeze`, for all parameters or those named by `keys`.

        What is no parameter to train, as BatchNorm's running statistics, stays frozen.

        Args:
            recurse: Whether the modules below are meant too. Default: True.
            keys: The names, in each module, of the parameters meant. Default: all.
            strict: Whether `keys` that no module has are errors. Default: False.

        Returns:
            The module.

        Raises:
            KeyError: `strict` and an unknown key; nothing has changed then.
        """
        for module, names in self._frozen_names("unfreeze", recurse, keys, strict):
            kept = {
                frozen
                for frozen in module._no_grad
                if keys is not None
                and not any(frozen == n or frozen.startswith(f"{n}.") for n in names)
            }
            module._no_grad = kept | (module._no_grad & module._state_names)
        return self

    def _frozen_names(
        self, caller: str, recurse: bool, keys: str | list[str] | None, strict: bool
    ) -> list[tuple[Module, set[str]]]:
        """Each module meant by freeze or unfreeze, with the names in it."""
        modules = self.modules() if recurse else [self]
        own = [own_names(m, m.valid_parameter_filter) for m in modules]
        if keys is None:
            return list(zip(modules, own, strict=True))
        names = {keys} if isinstance(keys, str) else set(keys)
        for name in sorted(names) if strict else ():
            if not any(
                name in n or name in m for m, n in zip(modules, own, strict=True)
            ):
                raise KeyError(
                    f"{caller}: no parameter named {name!r} in {type(self).__name__}"
                )
        return [(module, names) for module in modules]

    # Files ------------------------------------------------------------------------

    def load_weights(
        self: Self,
        file_or_weights: str | os.PathLike[str] | list[tuple[str, mx.array]],
        strict: bool = True,
    ) -> Self:
        """Replace parameters by those of a file or a list.

        Everything is checked first: on an error no parameter has changed.

        Args:
            file_or_weights: The path of a .safetensors or .npz file, or pairs of
                dotted name and array.
            strict: Whether the names must be exactly the module's; if False, unknown
                ones are ignored and missing parameters keep their value. Shapes are
                checked either way. Default: True.

        Returns:
            The module.

        Raises:
            ValueError: Missing, unknown or repeated names, values that are not
                arrays, wrong shapes; the message gives the dotted names.

        Example:
            >>> import ingot.core as mx
            >>> import ingot.nn as nn
            >>> layer = nn.Linear(2, 1)
            >>> layer.load_weights([("bias", mx.ones((1,)))], strict=False).bias
            array([1], dtype=float32)
        """
        weights = read_weights(file_or_weights)
        slots = {
            name: (container, key)
            for name, container, key in parameter_slots(
                self, self.valid_parameter_filter
            )
        }
        if strict and weights.keys() != slots.keys():
            problems = [
                f"{what} {', '.join(names)}"
                for what, names in (
                    ("missing:", sorted(slots.keys() - weights.keys())),
                    ("not in the model:", sorted(weights.keys() - slots.keys())),
                )
                if names
            ]
            raise ValueError(
                "load_weights: names must be those of the model's parameters, "
                + "; ".join(problems)
            )
        writes: list[Write] = []
        for name, (container, key) in slots.items():
            if name in weights:
                check_array("load_weights", "", name, container[key], weights[name])
                writes.append((container, key, weights[name]))
        write(writes)
        return self

    def save_weights(self, file: str | os.PathLike[str]) -> None:
        """Write the parameters to a file, under their dotted names.

        Args:
            file: The path; it ends in .safetensors or .npz.

        Raises:
            ValueError: The path ends otherwise.
        """
        path = os.fspath(file)
        weights = dict(tree_flatten(self.parameters()))
        if path.endswith(".safetensors"):
            mx.save_safetensors(path, weights)
        elif path.endswith(".npz"):
            mx.savez(path, **weights)
        else:
            raise ValueError(
                f"save_weights: file must end in .safetensors or .npz, got {path!r}"
            )
