"""The DuckDB table about the entries of a spot: for people, the panel and SQL. All SQL of spotmagic is in here."""

from __future__ import annotations

from spotmagic.catalog.catalog import Catalog
from spotmagic.catalog.rows import FunctionUse, Row, Stats, TimeSlice
from spotmagic.catalog.table import Table

__all__ = ["Catalog", "FunctionUse", "Row", "Stats", "Table", "TimeSlice"]
