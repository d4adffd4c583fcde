"""The same stories with packages that come with the SDKs."""

# ruff: noqa: E501
from __future__ import annotations

import pytest
from notebook_kernels import Kernel
from test_stories import as_it_would_have_run, kernels

__all__ = ["kernels"]
pytestmark = pytest.mark.kernel

KEPT: dict[str, list[str]] = {
    "parts of packages": ["import numpy as np, scipy", "p = np.polynomial.Polynomial([1, 2, 3]); print(p(2))", "y = scipy.stats.norm(0, 1).cdf(1.0); y", "scipy.spatial.distance.euclidean([1], [2])"],
    "a bunch of data": ["from sklearn.datasets import load_iris", "data = load_iris()\nX, y = data.data, data.target", "data.extra = 5", "print(data.extra, data.data.shape, X[0], type(data).__name__)"],
    "an estimator that is fitted later": ["from sklearn.ensemble import RandomForestClassifier\nX, y = [[0], [1], [2], [3]], [0, 0, 1, 1]", "forest = RandomForestClassifier(3, random_state=0)", "forest.fit(X, y);", "print(forest.predict([[0], [3]]))"],
    "plots of seaborn.objects": ["#plain\nimport seaborn.objects as so, pandas as pd\ndf = pd.DataFrame({'x': [1, 2], 'y': [3, 1], 'c': ['a', 'b']})\nget_ipython().display_formatter.formatters['text/plain'].for_type(type(so.Plot(df).plot()), lambda plot, out, cycle: out.text('a plot'))", "so.Plot(df, x='x', y='y').add(so.Dots()).plot()", "p = so.Plot(df, x='x', y='y', color='c')\np.add(so.Line()).layout(size=(2, 2)).plot()", "p.add(so.Bar(), so.Agg()).scale(color='flare', x=so.Continuous(trans='log')).plot()"],
}  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
def test_a_notebook_with_packages_is_as_it_would_have_run(kernels: list[Kernel], name: str) -> None:  # noqa: F811
    as_it_would_have_run(kernels, f"-sdks{list(KEPT).index(name)}", KEPT[name])
