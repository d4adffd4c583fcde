"""Trees of torch tensors and PIL images."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from spotmagic.values.encode import Encoder
from spotmagic.values.scheme import Kind, Tree, buffer, tree

Shape = Callable[[Any, Encoder], Tree]


def shape_of(kind: type) -> Shape | None:
    """How values of this class are taken apart; None for what has a state of its own (modules, optimisers)."""
    if kind.__module__.partition(".")[0] == "torch":
        return _torch(kind)
    if kind.__module__ == "PIL.Image" and kind.__name__ == "Image":
        return _image
    return None


def _torch(kind: type) -> Shape | None:
    torch = sys.modules["torch"]
    if issubclass(kind, torch.Tensor):
        return _tensor
    if issubclass(kind, torch.dtype | torch.device | torch.Size):
        return lambda value, _: tree(Kind.TENSOR, type(value).__name__, str(value))
    if issubclass(kind, torch.Generator):
        return lambda value, encoder: tree(Kind.TENSOR, "Generator", _tensor(value.get_state(), encoder))
    return None


def _tensor(value: Any, _: Encoder) -> Tree:
    """dtype, device, shape and content; a sparse or quantised tensor by its dense values."""
    torch = sys.modules["torch"]
    plain = value.detach()
    layout = str(plain.layout)
    plain = plain.to_dense() if layout != "torch.strided" else plain
    raw = plain.cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
    said = [str(value.dtype), layout, value.device.type, value.requires_grad, list(value.shape)]
    return tree(Kind.TENSOR, said, buffer(raw))


def _image(value: Any, _: Encoder) -> Tree:
    palette = value.getpalette() if value.mode in ("P", "PA") else None
    info = {key: item for key, item in value.info.items() if isinstance(item, str | int | float | bytes | tuple)}
    return tree(Kind.IMAGE, value.mode, list(value.size), palette, info, buffer(value.tobytes()))
