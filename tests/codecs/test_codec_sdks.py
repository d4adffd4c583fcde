"""Types of newer releases, and of packages built upon those we know, come back with all they add."""

from __future__ import annotations

import geopandas
import numpy as np
import pyarrow as pa
import xarray
from astropy import units
from scipy import sparse
from shapely.geometry import Point
from sklearn.linear_model import LinearRegression
from test_codec_whole import back

from spotmagic.keys import fingerprint


def test_an_array_keeps_its_unit() -> None:
    copy = back({"far": np.arange(3) * units.km})["far"]
    assert type(copy) is units.Quantity and copy.unit == units.km and copy.to_value("m").tolist() == [0, 1000, 2000]


def test_a_frame_keeps_its_system_of_coordinates() -> None:
    frame = geopandas.GeoDataFrame({"a": [1]}, geometry=[Point(1, 2)], crs="EPSG:4326")
    copy = back(frame)
    assert type(copy) is type(frame) and copy.crs.to_epsg() == 4326 and copy.geometry[0] == Point(1, 2)
    assert fingerprint(copy) == fingerprint(frame)


def test_labelled_arrays_keep_their_attributes() -> None:
    array = xarray.DataArray(np.eye(2), dims=("x", "y"), coords={"x": [1, 2]}, attrs={"unit": "m"}, name="n")
    copy = back(array)
    assert copy.identical(array) and copy.attrs == {"unit": "m"} and copy.name == "n"


def test_sparse_matrices_and_fitted_models_come_back() -> None:
    matrix = sparse.csr_array(np.eye(3))
    model = LinearRegression().fit(np.arange(4.0).reshape(-1, 1), np.arange(4.0))
    copies = back([matrix, model])
    assert (copies[0] != matrix).nnz == 0 and copies[1].coef_.tolist() == model.coef_.tolist()


def test_identifiers_of_arrow_come_back() -> None:
    array = pa.array([b"0" * 16], pa.uuid())
    assert back(array).equals(array) and back(array).type == array.type
