"""Whatever is done by two kernels, in whatever order: they agree with a dictionary."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from spotmagic.store.entry import Entry
from spotmagic.store.store import FolderStore
from spotmagic.store.trust import Ring
from spotmagic.testing.store import same, sample

KERNELS = st.integers(0, 2)
KEYS = st.integers(0, 5)
VALUES = st.binary(max_size=40)
RING = Ring.of(b"s" * 32)


class Kernels(RuleBasedStateMachine):
    """Three stores on one folder, and the dictionary they should be."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.stores = [self.opened() for _ in range(3)]
        self.model: dict[int, Entry] = {}
        self.pinned: set[int] = set()

    def opened(self) -> FolderStore:
        return FolderStore(self.folder / "spot", ring=RING, blob_over=200)

    @rule(kernel=KERNELS, key=KEYS, value=VALUES, large=st.booleans(), durable=st.booleans())
    def put(self, kernel: int, key: int, value: bytes, large: bool, durable: bool) -> None:
        entry = sample(key, value, name=f"demo.f{key % 2}", large=value * 30 if large else b"")
        self.stores[kernel].put(entry, durable=durable)
        self.model[key] = entry

    @rule(kernel=KERNELS, key=KEYS)
    def forget(self, kernel: int, key: int) -> None:
        assert self.stores[kernel].forget([sample(key).key]) == (key in self.model)
        self.model.pop(key, None)

    @rule(kernel=KERNELS, key=KEYS)
    def get(self, kernel: int, key: int) -> None:
        self.agrees(kernel, key)

    @rule(kernel=KERNELS)
    def restart(self, kernel: int) -> None:
        self.stores[kernel].close()
        self.stores[kernel] = self.opened()

    @rule(kernel=KERNELS)
    def rotate(self, kernel: int) -> None:
        store = self.stores[kernel]
        if store._opening.folder is not None:
            store._opening.folder.leave()

    @rule(kernel=KERNELS)
    def merge(self, kernel: int) -> None:
        self.stores[kernel].compact()

    @rule(kernel=KERNELS)
    def clean(self, kernel: int) -> None:
        swept = self.stores[kernel].gc()
        assert swept.entries == ()

    @rule(kernel=KERNELS, name=st.sampled_from(["demo.f0", "demo.f1"]))
    def recent(self, kernel: int, name: str) -> None:
        found = {int.from_bytes(entry.key, "big") for entry in self.stores[kernel].recent(name)}
        assert found <= {key for key, entry in self.model.items() if entry.name == name}

    def agrees(self, kernel: int, key: int) -> None:
        found = self.stores[kernel].get(sample(key).key)
        if key in self.model:
            assert same(found, self.model[key]), (found, self.model[key])
        else:
            assert found is None

    @invariant()
    def every_kernel_agrees_on_one_key(self) -> None:
        for kernel in range(3):
            self.agrees(kernel, len(self.model) % 6)

    def teardown(self) -> None:
        for kernel in range(3):
            for key in range(6):
                self.agrees(kernel, key)
        assert self.stores[0].verify().good
        state: set[bytes] = set()
        stamps: dict[bytes, int] = {}
        for record in self.opened().records({}):
            if record.stamp > stamps.get(record.key, 0) and record.kind in ("put", "delete"):
                stamps[record.key] = record.stamp
                state.discard(record.key)
                if isinstance(record.what, Entry):
                    state.add(record.key)
        assert state == {entry.key for entry in self.model.values()}
        for store in self.stores:
            store.close()
        shutil.rmtree(self.folder)


TestKernels = Kernels.TestCase
TestKernels.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
