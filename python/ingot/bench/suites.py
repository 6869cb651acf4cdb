"""What is measured: one entry for each case, with the bytes or products it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ingot.bench.cases import ITEMSIZE, LOOPS, Case, Sizes, count, models, total

__all__ = ["SUITES", "cases"]

# name, rule, states of a parameter. (Adafactor's are factored: of no size.)
RULES = (
    ("SGD", "sgd", 0),
    ("SGD with momentum", "momentum", 1),
    ("Adam", "adam", 2),
    ("AdamW", "adamw", 2),
    ("Adamax", "adamax", 2),
    ("Adagrad", "adagrad", 1),
    ("RMSprop", "rmsprop", 1),
    ("AdaDelta", "adadelta", 2),
    ("Lion", "lion", 1),
)
STEP_LOOPS = ("sgd", "momentum", "adam")  # by number of states


def step_case(
    label: str,
    rule: tuple[str, str, int],
    shapes: list[list[int]],
    dtype: str,
    state: str = "default",
    **more: Any,
) -> Case:
    """A step that reads and writes each number once."""
    name, key, slots = rule
    size = ITEMSIZE[dtype]
    state_size = 4 if state == "default" else size
    moved = total(shapes) * (3 * size + 2 * state_size * slots)
    args = {"rule": key, "shapes": shapes, "dtype": dtype, "state": state}
    more = {"suite": "step", "loop": STEP_LOOPS[slots], "bytes": moved, **more}
    return Case(name=f"{name}, {label}", call="step", args=args, **more)


def step(s: Sizes) -> Iterator[Case]:
    one = {f"one tensor of {count(s.large)}": [[s.large]]}
    for label, shapes in {**one, **models(s), "4 tensors of 10": [[10]] * 4}.items():
        for rule in RULES:
            headline = rule[1] in ("momentum", "adamw", "lion")
            yield step_case(label, rule, shapes, s.dtype, headline=headline)
    side, width = s.pick(4096, 512), s.pick(768, 96)
    for name in ("RMSprop", "AdaDelta", "Lion"):
        rule = next(r for r in RULES if r[0] == name)
        label = f"one tensor of {count(s.medium)}"
        yield step_case(label, rule, [[s.medium]], s.dtype)
    if s.dtype == "float32":
        # The peers keep state in bfloat16, too; by default ingot keeps it in float32.
        for kept, state in (("all of it", "param"), ("float32 state", "default")):
            label = f"one tensor of {count(s.large)} bfloat16, {kept}"
            same = state == "param"
            rest: dict[str, Any] = {"peers": same, "headline": same}
            yield step_case(label, RULES[3], [[s.large]], "bfloat16", state, **rest)
    rule = ("Adafactor", "adafactor", 0)
    yield step_case(f"{side} x {side}", rule, [[side, side]], s.dtype, headline=True)
    label = f"{width} x {width} and {width} x {4 * width}"
    shapes = [[width, width], [width, 4 * width]]
    rest = {"loop": "", "bytes": 0, "headline": True}  # it is about products
    yield step_case(label, ("Muon", "muon", 1), shapes, s.dtype, **rest)


def init(s: Sizes) -> Iterator[Case]:
    side, square = s.pick(2048, 128), s.pick(4096, 512)
    shapes = {
        "normal": [s.large],
        "uniform": [s.large],
        "glorot_uniform": [square, square],
        "he_normal": [square, square],
        "orthogonal": [side, side],
        "identity": [square, square],
    }
    for name, shape in shapes.items():
        size = (
            " x ".join(map(count, shape))
            if shape == [s.large]
            else (f"{shape[0]} x {shape[1]}")
        )
        yield Case(
            "init",
            f"{name}, {size}",
            "init",
            {"name": name, "shape": shape, "dtype": s.dtype},
            loop="" if name == "orthogonal" else "fill",
            bytes=total([shape]) * s.itemsize,
            headline=name in ("normal", "uniform", "orthogonal"),
        )


def clip(s: Sizes) -> Iterator[Case]:
    for label, shapes in models(s).items():
        yield Case(
            "clip",
            f"clip_grad_norm, {label}",
            "clip",
            {"shapes": shapes, "dtype": s.dtype},
            loop="sgd",  # the norm reads, the scaling reads and writes
            bytes=total(shapes) * 3 * s.itemsize,
            headline=True,
        )


def tree(s: Sizes) -> Iterator[Case]:
    for leaves in (148, 1000):
        for name in ("tree_flatten", "tree_map", "tree_unflatten"):
            args = {"leaves": leaves}
            headline = leaves == 1000 and name == "tree_map"
            label = f"{name}, {leaves:,} leaves"
            yield Case("tree", label, name, args, headline=headline)


def op_case(
    label: str, name: str, inputs: list[Any], dtype: str, more: Any = None, **rest: Any
) -> Case:
    args = {"name": name, "inputs": inputs, "dtype": dtype, **(more or {})}
    return Case(name=label, call="op", args=args, **{"suite": "ops", **rest})


# name, loop, headline: over all elements, of one or two arrays
ELEMENTWISE = (
    ("exp", "copy", True),
    ("tanh", "copy", False),
    ("sigmoid", "copy", False),
    ("gelu", "copy", True),
    ("gelu_tanh", "copy", False),
    ("add", "add", True),
    ("multiply", "add", False),
    ("divide", "add", False),
)
# Over all elements of a matrix, or its rows (of 1,024).
REDUCTIONS = (
    ("sum", "read", True),
    ("mean", "read", False),
    ("max", "read", False),
    ("sum_columns", "read", False),
    ("logsumexp", "read", False),
    ("softmax", "copy", True),
)


def ops(s: Sizes) -> Iterator[Case]:
    for n in (s.small, s.medium):
        large = n == s.medium
        for name, loop, headline in ELEMENTWISE:
            moved = n * LOOPS[loop] // 4 * s.itemsize
            inputs = [[[n], "uniform"]] * (2 if loop == "add" else 1)
            yield op_case(
                f"{name}, {count(n)}",
                name,
                inputs,
                s.dtype,
                loop=loop,
                bytes=moved,
                headline=headline and large,
            )
        for name, loop, headline in REDUCTIONS:
            yield op_case(
                f"{name}, {count(n)}",
                name,
                [[[n // 1024, 1024], "normal"]],
                s.dtype,
                loop=loop,
                bytes=n * LOOPS[loop] // 4 * s.itemsize,
                headline=headline and large,
            )
        for name, weights in (("layer_norm", 2), ("rms_norm", 1)):
            weight = [[1024], "uniform"]
            yield op_case(
                f"{name}, {count(n)}",
                name,
                [[[n // 1024, 1024], "normal"], *[weight] * weights],
                s.dtype,
                loop="copy",
                bytes=2 * n * s.itemsize,
                headline=name == "layer_norm" and large,
            )
        for name in ("normal", "uniform"):
            yield Case(
                "ops",
                f"random.{name}, {count(n)}",
                "random",
                {"name": name, "shape": [n], "dtype": s.dtype},
                loop="fill",
                bytes=n * s.itemsize,
            )
        rows = n // 256
        yield op_case(
            f"gather of {count(rows)} rows of 256",
            "gather",
            [[[50257, 256], "normal"], [[rows], "below:50257"]],
            s.dtype,
            loop="copy",
            bytes=2 * n * s.itemsize,
        )
    for side in (64, 128, 256) if s.quick else (256, 1024, 2048):
        yield op_case(
            f"matmul, {side}",
            "matmul",
            [[[side, side], "normal"]] * 2,
            s.dtype,
            flops=2 * side**3,
            headline=side >= 1024,
        )
    for name in ("sort", "argsort"):
        yield op_case(
            f"{name}, {count(s.small)}", name, [[[s.small], "normal"]], s.dtype
        )


def overhead(s: Sizes) -> Iterator[Case]:
    tiny = {"rule": "adamw", "shapes": [[10]] * 148, "dtype": s.dtype}
    yield Case("overhead", "graph, one node", "node", {"nodes": 1000}, per=1000)
    yield Case(
        "overhead",
        "add of 10 numbers, with eval",
        "small_op",
        {"calls": 100},
        per=100,
        headline=True,
    )
    yield Case(
        "overhead", "chain of 100 adds of 10", "chain", {"ops": 100}, headline=True
    )
    yield Case("overhead", "update call, 148 tensors", "update_call", tiny)
    yield Case("overhead", "import", "import_time", headline=True)


def train(s: Sizes) -> Iterator[Case]:
    batch = {"batch": s.pick(256, 32)}
    yield Case(
        "train",
        f"MLP 784-256-256-10, batch {batch['batch']}",
        "train",
        {"model": "mlp", "sizes": batch, "dtype": s.dtype},
        headline=True,
    )
    image = {"batch": s.pick(64, 4), "side": s.pick(28, 8)}
    yield Case(
        "train",
        f"CNN 1-16-32-64, {image['batch']} images of {image['side']} x {image['side']}",
        "train",
        {"model": "cnn", "sizes": image, "dtype": s.dtype},
        headline=True,
    )
    names = ("layers", "width", "heads", "words", "tokens", "batch")
    values = (1, 32, 2, 64, 16, 2) if s.quick else (2, 256, 4, 1024, 128, 16)
    sizes = dict(zip(names, values, strict=True))
    yield Case(
        "train",
        f"transformer {sizes['layers']} x {sizes['width']}, "
        f"{sizes['batch']} x {sizes['tokens']} tokens",
        "train",
        {"model": "transformer", "sizes": sizes, "dtype": s.dtype},
        headline=True,
    )


def kernels(s: Sizes) -> Iterator[Case]:
    """Every kernel by itself, of ingot alone, over arrays that fit a cache."""
    from ingot import _core

    n = s.small
    here: dict[str, Any] = {"suite": "kernels", "peers": False}
    for name, kind in _core.elementwise_ops():
        two = _takes_two(name)
        dtype = "int32" if kind == "integer" else s.dtype
        source = "below:20" if kind == "integer" else "uniform"
        size = 4 if kind == "integer" else s.itemsize
        out = 1 if kind in ("test", "compare", "logical") else size
        yield op_case(
            f"{name}",
            name,
            [[[n], source]] * (1 + two),
            dtype,
            loop="add" if two else "copy",
            bytes=n * (size * (1 + two) + out),
            **here,
        )
    for name in ("sum", "prod", "max", "min", "mean", "var", "argmax", "argmin"):
        for axis in (None, 0, 1):
            label = {None: "all", 0: "columns", 1: "rows"}[axis]
            yield op_case(
                f"{name}, {label}",
                name,
                [[[n // 1024, 1024], "normal"]],
                s.dtype,
                {"axis": axis},
                loop="read",
                bytes=n * s.itemsize,
                **here,
            )
    for dtype in ("float32", "float16", "bfloat16", "int32", "bool_"):
        size = {"float32": 4, "int32": 4, "bool_": 1}.get(dtype, 2)
        yield op_case(
            f"cast to {dtype}",
            "cast",
            [[[n], "normal"]],
            s.dtype,
            {"dtype_out": dtype},
            loop="copy",
            bytes=n * (s.itemsize + size),
            **here,
        )
    for rule in RULES:
        yield step_case(f"{count(n)}", rule, [[n]], s.dtype, **here)


def _takes_two(name: str) -> bool:
    from ingot import _core

    try:
        getattr(_core, name)(_core.array(1))
    except TypeError:
        return True
    return False


SUITES: dict[str, Callable[[Sizes], Iterator[Case]]] = {
    "step": step,
    "init": init,
    "clip": clip,
    "tree": tree,
    "ops": ops,
    "overhead": overhead,
    "train": train,
    "kernels": kernels,
}


def cases(names: list[str], sizes: Sizes) -> list[Case]:
    """The cases of some suites, in their order."""
    return [case for name in names for case in SUITES[name](sizes)]
