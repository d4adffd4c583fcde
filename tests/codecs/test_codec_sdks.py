"""Types of newer releases, and of packages built upon those we know, come back with all they add."""

from __future__ import annotations

import geopandas
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import statsmodels.formula.api as smf
import xarray
from astropy import units
from scipy import sparse, spatial, stats
from shapely.geometry import Point
from sklearn.gaussian_process import GaussianProcessRegressor
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


@pytest.mark.parametrize("frozen", [stats.norm(2, 3), stats.poisson(4), stats.multivariate_normal([0, 1])])
def test_a_distribution_still_draws_from_the_generator_that_all_share(frozen: object) -> None:
    copy = back(frozen)
    np.random.seed(3)
    expected = frozen.rvs(5)
    np.random.seed(3)
    assert np.array_equal(copy.rvs(5), expected)
    assert fingerprint(copy) == fingerprint(frozen)


def test_a_model_that_holds_the_shared_generator_comes_back() -> None:
    X = np.arange(10.0).reshape(-1, 1)
    model = GaussianProcessRegressor(optimizer=None).fit(X, X[:, 0])
    copy = back(model)
    assert copy._rng is model._rng and np.array_equal(copy.predict(X), model.predict(X))


@pytest.mark.parametrize("fit", ["ols", "glm", "rlm"])
def test_results_of_a_formula_come_back_with_it(fit: str) -> None:
    frame = pd.DataFrame({"x": np.arange(9.0), "y": np.arange(9.0) ** 2, "g": list("aababbaba")})
    results = getattr(smf, fit)("y ~ x + np.sin(x) + C(g)", data=frame).fit()
    copy = back(results)
    assert copy.params.equals(results.params)
    assert copy.predict(frame[:3]).equals(results.predict(frame[:3]))
    assert copy.model.data.orig_exog.design_info.column_names == results.model.data.orig_exog.design_info.column_names
    assert str(copy.summary().tables[1]) == str(results.summary().tables[1])


def test_trees_of_points_count_by_their_points_not_by_where_they_lie_in_memory() -> None:
    points = np.random.default_rng(0).random((500, 3))
    tree = spatial.KDTree(points)
    copy = back(tree)
    assert np.array_equal(copy.query(points[:9], 3)[1], tree.query(points[:9], 3)[1])
    assert fingerprint(copy) == fingerprint(tree) == fingerprint(spatial.KDTree(points.copy()))
    moved = points.copy()
    moved[7, 1] += 1e-9
    others = [spatial.KDTree(moved), spatial.KDTree(points, leafsize=3), spatial.KDTree(points, boxsize=2)]
    assert len({fingerprint(one) for one in [tree, spatial.cKDTree(points), *others]}) == 5
