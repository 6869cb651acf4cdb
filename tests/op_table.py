"""The table of all ops: it drives the generic tests; an op not in it fails them."""

from __future__ import annotations

import ingot.core as mx
import op_table_attention
import op_table_conv
import op_table_elementwise
import op_table_fft
import op_table_index
import op_table_linalg
import op_table_matrices
import op_table_normalize
import op_table_products
import op_table_quantized
import op_table_reduce
import op_table_scan
import op_table_shape
import op_table_standard
import op_table_views
from op_case import OpCase, Sample

_OPTIONAL = [
    *op_table_elementwise.OPTIONAL,
    *op_table_shape.OPTIONAL,
    *op_table_index.OPTIONAL,
]
OPS: list[OpCase] = [
    *op_table_elementwise.ELEMENTWISE,
    *op_table_reduce.REDUCTIONS,
    *op_table_scan.SCANS,
    *op_table_scan.SELECTIONS,
    *op_table_normalize.NORMALIZATION,
    *op_table_attention.ATTENTION,
    *op_table_reduce.PRODUCTS,
    *op_table_conv.CONVOLUTIONS,
    *op_table_linalg.MATRICES,
    *op_table_fft.TRANSFORMS,
    *op_table_standard.STANDARD,
    *op_table_shape.SHAPES,
    *op_table_shape.CREATION,
    *op_table_views.VIEWS,
    *op_table_products.PRODUCTS,
    *op_table_quantized.QUANTIZED,
    *op_table_matrices.MATRICES,
    *op_table_matrices.HADAMARD,
    *op_table_views.WINDOWS,
    *op_table_index.INDEXING,
    *[case for case in _OPTIONAL if hasattr(mx, case.name)],
]
BY_NAME: dict[str, OpCase] = {case.name: case for case in OPS}

# Second names of ops.
ALIASES = {
    "acos": "arccos",
    "acosh": "arccosh",
    "asin": "arcsin",
    "asinh": "arcsinh",
    "atan": "arctan",
    "atan2": "arctan2",
    "atanh": "arctanh",
    "pow": "power",
    "concat": "concatenate",
    "permute_dims": "transpose",
    "bitwise_left_shift": "left_shift",
    "bitwise_right_shift": "right_shift",
}

# Public functions that no row of the table can describe, and what tests them instead.
EXEMPT = {
    "metal_kernel": "test_metal_kernel.py",
    "array": "test_array.py",
    "asarray": "test_asarray.py",
    "astype": "test_casts.py",
    "view": "test_casts.py",
    "real": "test_complex_ops.py",
    "imag": "test_complex_ops.py",
    "conj": "test_complex_ops.py",
    "conjugate": "test_complex_ops.py",
    "broadcast_shapes": "test_predicates.py",
    "array_equal": "test_predicates.py",
    "allclose": "test_predicates.py",
    "isclose": "test_predicates.py",
    "stop_gradient": "test_ops_grad.py",
    "grad": "test_ops_grad.py",
    "value_and_grad": "test_ops_grad.py",
    "vjp": "test_ops_grad.py",
    "jvp": "test_ops_grad.py",
    "vmap": "test_vmap.py",
    "compile": "test_compile.py",
    "disable_compile": "test_compile.py",
    "enable_compile": "test_compile.py",
    "checkpoint": "test_checkpoint.py",
    "custom_function": "test_custom_function.py",
    "export_to_dot": "test_dot.py",
    "export_function": "test_export.py",
    "exporter": "test_export.py",
    "import_function": "test_export.py",
    "from_dlpack": "test_dlpack.py",
    "load": "test_files.py",
    "save": "test_files.py",
    "savez": "test_files.py",
    "savez_compressed": "test_files.py",
    "save_safetensors": "test_files.py",
    "save_gguf": "test_gguf.py",
    "depends": "test_eval.py",
    "einsum_path": "test_einsum.py",
    "global_norm": "test_linalg.py",
    "matrix_norm": "test_linalg.py",
    "can_cast": "test_promotion.py",
    "isdtype": "test_promotion.py",
    "result_type": "test_promotion.py",
    "issubdtype": "test_promotion.py",
    "finfo": "test_promotion.py",
    "iinfo": "test_promotion.py",
    "nextafter": "test_standard.py",
    "nonzero": "test_standard.py",
    "unique_all": "test_standard.py",
    "unique_counts": "test_standard.py",
    "unique_inverse": "test_standard.py",
    "unique_values": "test_standard.py",
}

# The evaluator's and the devices' own functions: not ops.
RUNTIME = {
    *("eval", "async_eval", "synchronize", "is_available", "device_count"),
    *("default_device", "set_default_device", "device_info"),
    *("default_stream", "set_default_stream", "new_stream", "stream"),
    *("new_thread_local_stream", "new_thread_unsafe_stream", "clear_streams"),
    *("get_active_memory", "get_peak_memory", "get_cache_memory", "get_memory_limit"),
    *("reset_peak_memory", "clear_cache"),
    *("set_memory_limit", "set_cache_limit", "set_wired_limit"),
    *("set_printoptions", "get_printoptions", "printoptions"),
    *("get_num_threads", "set_num_threads", "elementwise_ops"),
    *("step", "adafactor", "composed_step", "increment", "match", "rules"),
    *("tree_flatten", "tree_map", "tree_unflatten"),
}

__all__ = ["ALIASES", "BY_NAME", "EXEMPT", "OPS", "RUNTIME", "OpCase", "Sample"]
