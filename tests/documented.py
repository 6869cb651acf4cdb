"""The names of MLX's documented array library, for docs/coverage.md."""

from __future__ import annotations

NAMES: dict[str, str] = {
    "mx": """
        abs acos acosh add addmm all allclose any arange arccos arccosh arcsin arcsinh
        arctan arctan2 arctanh argmax argmin argpartition argsort array_equal as_strided
        asarray asin asinh astype async_eval atan atan2 atanh atleast_1d atleast_2d
        atleast_3d bartlett bitwise_and bitwise_invert bitwise_left_shift bitwise_or
        bitwise_right_shift bitwise_xor blackman block_masked_mm broadcast_arrays
        broadcast_shapes broadcast_to can_cast ceil checkpoint clear_cache clear_streams
        clip compile
        concat concatenate conj conjugate contiguous conv1d conv2d conv3d conv_general
        conv_transpose1d conv_transpose2d conv_transpose3d convolve cos cosh
        count_nonzero cummax cummin cumprod cumsum custom_function default_device
        default_stream degrees depends dequantize device_count device_info diag diagonal
        diff disable_compile divide divmod einsum einsum_path empty empty_like
        enable_compile equal erf erfinv eval exp expand_dims expm1 export_function
        export_to_dot exporter eye finfo flatten flip floor floor_divide from_dlpack
        from_fp8 full full_like gather_mm gather_qmm get_active_memory get_cache_memory
        get_memory_limit get_peak_memory get_printoptions grad greater greater_equal
        hadamard_transform hamming hanning identity iinfo imag import_function inner
        is_available isclose isdtype isfinite isinf isnan isneginf isposinf issubdtype
        jvp kron left_shift less less_equal linspace load log log10 log1p log2 logaddexp
        logcumsumexp logical_and logical_not logical_or logical_xor logsumexp matmul
        matrix_norm matrix_transpose max maximum mean median meshgrid min minimum minmax
        moveaxis multiply nan_to_num negative new_stream new_thread_local_stream
        new_thread_unsafe_stream not_equal ones ones_like outer
        pad partition permute_dims positive pow power printoptions prod put_along_axis
        qqmm quantize quantized_matmul radians real reciprocal remainder repeat
        reset_peak_memory reshape result_type right_shift roll round rsqrt save
        save_gguf save_safetensors savez savez_compressed searchsorted segmented_mm
        set_cache_limit set_default_device set_default_stream set_memory_limit
        set_printoptions set_wired_limit sigmoid sign sin sinh slice slice_update
        softmax sort split sqrt square squeeze stack std stop_gradient stream subtract
        sum swapaxes synchronize take take_along_axis tan tanh tensordot tile to_fp8
        topk trace transpose tri tril triu trunc unflatten unique unstack value_and_grad
        var vecdot view vjp vmap where zeros zeros_like
    """,
    "mx.linalg": """
        cholesky cholesky_inv cross det eig eigh eigvals eigvalsh inv lu lu_factor norm
        pinv qr slogdet solve solve_triangular svd tri_inv
    """,
    "mx.fft": """
        fft fft2 fftfreq fftn fftshift ifft ifft2 ifftn ifftshift irfft irfft2 irfftn
        istft rfft rfft2 rfftfreq rfftn stft
    """,
    "mx.random": """
        bernoulli categorical gumbel key laplace multivariate_normal normal permutation
        randint seed split truncated_normal uniform
    """,
    "mx.fast": """
        cross_entropy layer_norm metal_kernel rms_norm rope scaled_dot_product_attention
    """,
}
