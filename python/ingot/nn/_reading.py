"""What a module holds: its parameters and modules as trees, chosen by filters."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import ingot.core as mx

from .._trees import explain_recursion
from ..utils import tree_flatten
from ._attributes import AttributeDict
from ._walk import Filter, collect

if TYPE_CHECKING:
    from ._module import Module

__all__ = ["Readable"]


class Readable(AttributeDict):
    """The part of Module that changes nothing."""

    # Filters ----------------------------------------------------------------------

    @staticmethod
    def is_module(value: Any) -> bool:
        """Whether `value` is a Module."""
        return isinstance(value, Readable)

    @staticmethod
    def valid_child_filter(module: Module, key: str, value: Any) -> bool:
        """Whether `value` is a module or may contain one."""
        return isinstance(value, (dict, list))

    @staticmethod
    def valid_parameter_filter(module: Module, key: str, value: Any) -> bool:
        """Whether `value` is a parameter or may contain one."""
        return isinstance(value, (dict, list, mx.array)) and not key.startswith("_")

    @staticmethod
    def trainable_parameter_filter(module: Module, key: str, value: Any) -> bool:
        """Whether `value` is a parameter that is not frozen, or may contain one."""
        return (
            Readable.valid_parameter_filter(module, key, value)
            and key not in module._no_grad
        )

    # Reading ----------------------------------------------------------------------

    def filter_and_map(
        self,
        filter_fn: Filter,
        map_fn: Callable[[Any], Any] | None = None,
        is_leaf_fn: Filter | None = None,
    ) -> dict[str, Any]:
        """Select entries of this module and its modules, and transform them.

        Args:
            filter_fn: Called with the module that holds the entry, its key (dotted
                below lists and dicts, as "layers.0") and its value; False drops it.
            map_fn: Transforms each leaf. Default: None, which keeps it.
            is_leaf_fn: Called like `filter_fn`, says whether the entry is a leaf.
                Default: None, which makes all but modules, dicts and lists leaves.

        Returns:
            A dict of dicts and lists; entries dropped from a nested dict or a list
            leave `{}`.

        Raises:
            ValueError: The module contains itself, or an entry that is neither a leaf
                nor a container got past `filter_fn`.

        Example:
            >>> import ingot.nn as nn
            >>> layer = nn.Linear(3, 2)
            >>> layer.filter_and_map(layer.valid_parameter_filter, lambda x: x.shape)
            {'weight': (2, 3), 'bias': (2,)}
        """
        try:
            return collect(self, filter_fn, map_fn, is_leaf_fn)
        except RecursionError as error:
            raise explain_recursion(type(self).__name__, (self,), error) from None

    def parameters(self) -> dict[str, Any]:
        """All parameters, as a dict of dicts and lists."""
        return self.filter_and_map(self.valid_parameter_filter)

    def trainable_parameters(self) -> dict[str, Any]:
        """The parameters that are not frozen, as a dict of dicts and lists."""
        return self.filter_and_map(self.trainable_parameter_filter)

    def children(self) -> dict[str, Any]:
        """The modules that this module holds directly, in dicts and lists."""
        return self.filter_and_map(
            self.valid_child_filter,
            is_leaf_fn=lambda _m, _k, v: self.is_module(v),
        )

    def leaf_modules(self) -> dict[str, Any]:
        """The modules, at any depth, that hold no other module."""

        def is_leaf(_module: Module, _key: str, value: Any) -> bool:
            return isinstance(value, Readable) and not tree_flatten(
                value.children(), is_leaf=Readable.is_module
            )

        return self.filter_and_map(self.valid_child_filter, is_leaf_fn=is_leaf)

    def modules(self) -> list[Module]:
        """This module and all modules below it, a module before those it holds."""
        return [module for _, module in self.named_modules()]

    def named_modules(self) -> list[tuple[str, Module]]:
        """Pairs of dotted name and module, in the order of `modules`; own name ""."""
        found: list[tuple[str, Module]] = []

        def visit(name: str, module: Module) -> None:
            found.append((name, module))
            prefix = f".{name}" if name else ""
            for below, child in tree_flatten(
                module.children(), prefix, is_leaf=Readable.is_module
            ):
                visit(below, child)

        try:
            visit("", cast("Module", self))
        except RecursionError as error:
            raise explain_recursion(type(self).__name__, (self,), error) from None
        return found
