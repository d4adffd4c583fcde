"""Trees of torch's tensors: dtype, device, shape, content, and the gradient they carry."""

from __future__ import annotations

from typing import Any

import torch

from spotmagic.values.dispatch import add_family
from spotmagic.values.encode import Encoder
from spotmagic.values.scheme import Kind, Tree, buffer, tree


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


add_family(torch.Tensor, fingerprint=_tensor)
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
