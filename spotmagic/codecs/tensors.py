"""torch: tensors in main memory as their raw bytes, as safetensors has them; ``torch.load`` is never called."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from spotmagic.codecs import bounds
from spotmagic.codecs.registry import Codec
from spotmagic.codecs.undecodable import Undecodable

if TYPE_CHECKING:
    from spotmagic.codecs.reader import Reader
    from spotmagic.codecs.writer import Writer

_DTYPES = frozenset(
    (
        *("float16", "float32", "float64", "bfloat16", "float8_e4m3fn", "float8_e5m2", "complex64", "complex128"),
        *("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "bool"),
    )
)


def find(kind: type) -> Codec | None:
    """The codec for a tensor; subclasses (parameters too) have more than we know of, and get none."""
    import torch

    return CODECS["torch.tensor"] if kind is torch.Tensor else None


def _lower(tensor: Any, writer: Writer) -> tuple[Any, Any]:
    import torch

    name = str(tensor.dtype).removeprefix("torch.")
    if name not in _DTYPES or tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
        writer.refuse(f"a tensor of {name} on {tensor.device} ({tensor.layout})")
    if not tensor.is_leaf:
        writer.refuse("a tensor that belongs to a graph of gradients; detach() it", final=True)
    if vars(tensor) or tensor.is_conj() or tensor.is_neg():
        writer.refuse("a tensor with attributes of its own")
    flat = tensor.detach().contiguous().reshape(-1)
    raw = flat.view(torch.uint8).numpy() if flat.numel() else b""
    about = [name, list(tensor.shape), tensor.requires_grad]
    if tensor.grad is None:
        return about, writer.buffer(raw)
    return about, [writer.buffer(raw), writer.lower(tensor.grad, ".grad")]


def _make(spec: Any, rest: Any, _reader: Reader) -> Any:
    import torch

    name, shape, requires_grad = spec
    rest, grad = rest if type(rest) is list else (rest, None)
    if (
        name not in _DTYPES
        or len(shape) > bounds.DIMENSIONS
        or any(type(side) is not int or side < 0 for side in shape)
    ):
        raise Undecodable("corrupt", "no tensor")
    dtype = getattr(torch, name, None)
    if dtype is None:
        raise Undecodable("unknown codec", f"this torch has no {name}")
    view = memoryview(rest)
    size = torch.empty(0, dtype=dtype).element_size()
    if view.nbytes != math.prod(shape) * size:
        raise Undecodable("corrupt", f"{view.nbytes} bytes for a tensor of {math.prod(shape) * size}")
    if view.nbytes:
        tensor = torch.frombuffer(bytearray(view) if view.readonly else view, dtype=dtype).reshape(shape)
    else:
        tensor = torch.empty(shape, dtype=dtype)
    if requires_grad:
        tensor.requires_grad_()
    tensor.grad = grad
    return tensor


CODECS = {"torch.tensor": Codec("torch.tensor", _lower, _make, exact=False)}
