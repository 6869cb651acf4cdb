"""AttributeDict: a dict whose entries are attributes, the storage beneath Module."""

from __future__ import annotations

from typing import Any, TypeVar

import ingot.core as mx

__all__ = ["AttributeDict"]

Self = TypeVar("Self", bound="AttributeDict")


class AttributeDict(dict[str, Any]):
    """A dict that keeps arrays and containers assigned to attributes as its entries."""

    _no_grad: set[str]
    _training: bool

    # Arrays have no single truth value, so modules compare by identity.
    __eq__ = object.__eq__
    __ne__ = object.__ne__
    __hash__ = object.__hash__  # type: ignore[assignment]

    def __new__(cls: type[Self], *args: Any, **kwargs: Any) -> Self:
        self = super().__new__(cls)
        # Here, so that they also exist in copies and before __init__ has run.
        object.__setattr__(self, "_no_grad", set())
        object.__setattr__(self, "_training", True)
        return self

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {key!r}"
            ) from None

    def __setattr__(self, key: str, val: Any) -> None:
        if not isinstance(val, (mx.array, dict, list, tuple)):
            super().__setattr__(key, val)
            self.pop(key, None)
            return
        for base in type(self).__mro__:
            if key not in vars(base):
                continue
            if hasattr(vars(base)[key], "__set__"):  # a property
                super().__setattr__(key, val)
                return
            raise AttributeError(
                f"{type(self).__name__}: attribute {key!r} would be hidden by the "
                f"class's own {key!r}, choose another name"
            )
        self.__dict__.pop(key, None)
        self[key] = val

    def __delattr__(self, name: str) -> None:
        if name in self:
            del self[name]
        else:
            super().__delattr__(name)
