"""Services: a source of inputs and what is done with each, as a program of their own.

``spotmagic exec program.py -p model=small`` makes the objects, asks ``process`` with all that the source gives as a
batch, and keeps each result: running it again does the rest.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from spotmagic.batch.batch import Batch
    from spotmagic.batch.item import Failed

T = TypeVar("T")


class Source(abc.ABC, Generic[T]):
    """Where inputs come from. It may say how many there are (``__len__``)."""

    @abc.abstractmethod
    def __iter__(self) -> Iterator[T]:
        """The inputs. They are taken as they are needed, so there may be any number."""

    def persist_failed(self, failed: list[Failed]) -> None:
        """Take the inputs that failed, each with its error, when the run is over. Nothing is done with them here."""


class Service(abc.ABC, Generic[T]):
    """What is done with each input.

    Attributes:
        retry_on: types of exceptions after which an input is tried again; what is worth it when empty.
        concurrency: how many inputs are worked on at once.
    """

    retry_on: tuple[type[Exception], ...] = ()
    concurrency: int = 8

    @abc.abstractmethod
    def process(self, item: T) -> Any:
        """The result for one input; may be asynchronous. It is kept under the input and what the service holds."""

    def finish(self, batch: Batch) -> None:
        """Do something with the results when all inputs are done. Nothing is done here."""
