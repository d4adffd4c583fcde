"""Many calls of one function: what is done is kept, what failed is told, and nothing is paid twice."""

from __future__ import annotations

from spotmagic.batch.batch import Batch
from spotmagic.batch.item import Failed, Item
from spotmagic.batch.past import batches, failed
from spotmagic.batch.progress import Progress
from spotmagic.batch.start import astart, start

__all__ = ["Batch", "Failed", "Item", "Progress", "astart", "batches", "failed", "start"]
