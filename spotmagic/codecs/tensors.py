"""torch: tensors count by dtype, device, shape, content and gradient, and are kept as their raw bytes.

They are laid out as safetensors has them; ``torch.load`` is never called. Subclasses, parameters too, have more than we
know of, and are pickled.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from spotmagic.codecs.bounds import Undecodable
from spotmagic.codecs.plain import dimensions_of
from spotmagic.codecs.registry import Codec, by_names
from spotmagic.values.dispatch import add_family
from spotmagic.values.encode import Encoder
from spotmagic.values.scheme import Kind, Tree, buffer, tree

if TYPE_CHECKING:
    from spotmagic.codecs.reader import Reader
    from spotmagic.codecs.writer import Writer

_DTYPES = frozenset({
    "float16", "float32", "float64", "bfloat16", "float8_e4m3fn", "float8_e5m2", "complex64", "complex128", "uint8",
    "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "bool",
})  # fmt: skip


def _lower(tensor: Any, writer: Writer) -> tuple[Any, Any]:
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
    name, shape, requires_grad = spec
    rest, grad = rest if type(rest) is list else (rest, None)
    if name not in _DTYPES:
        raise Undecodable("corrupt", "no tensor")
    shape = dimensions_of(shape)
    dtype = getattr(torch, name, None)
    if dtype is None:
        raise Undecodable("unknown codec", f"this torch has no {name}")
    view = memoryview(rest)  # held against the shape before torch takes memory for it
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


def _tensor(value: Any, encoder: Encoder) -> Tree:
    """A sparse or quantised tensor counts by its dense values."""
    plain = value.detach()
    layout = str(plain.layout)
    plain = plain.to_dense() if layout != "torch.strided" else plain
    plain = plain.resolve_conj().resolve_neg()
    raw = plain.cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
    said = [str(value.dtype), layout, value.device.type, value.requires_grad, list(value.shape)]
    gradient = _tensor(value.grad, encoder) if value.is_leaf and value.grad is not None else None
    return tree(Kind.TENSOR, said, buffer(raw), gradient)


CODECS = by_names(Codec("torch.tensor", _lower, _make, exact=False))

add_family(torch.Tensor, fingerprint=_tensor, codec=CODECS["torch.tensor"])
add_family(
    torch.dtype,
    torch.device,
    torch.Size,
    fingerprint=lambda value, _: tree(Kind.TENSOR, type(value).__name__, str(value)),
)
add_family(
    torch.Generator,
    fingerprint=lambda value, encoder: tree(Kind.TENSOR, "Generator", _tensor(value.get_state(), encoder)),
)
