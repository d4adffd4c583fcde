"""What objects of libraries share with variables of earlier cells, in a kernel where every cell was a hit."""

# ruff: noqa: E501
from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from notebook_worlds import World

SHARED = {
    "a pipeline fits the model that a variable holds": (
        "import numpy as np\nfrom sklearn.linear_model import LinearRegression\nfrom sklearn.pipeline import Pipeline\nX = np.arange(20.).reshape(10, 2); y = X[:, 0] * 2\nmodel = LinearRegression()",
        "pipe = Pipeline([('model', model)])",
        "pipe.fit(X, y)",
        "(model.coef_.round(6).tolist(), pipe.named_steps['model'] is model)",
    ),
    "a column transformer reads the scaler that a variable holds": (
        "import numpy as np\nfrom sklearn.preprocessing import StandardScaler\nX = np.arange(20.).reshape(10, 2)\nscaler = StandardScaler()",
        "from sklearn.compose import ColumnTransformer\ncolumns = ColumnTransformer([('scaled', scaler, [0])])",
        "scaler.with_mean = False; scaler.with_std = False",
        "columns.fit_transform(X)[:, 0].tolist()",
    ),
    "neighbours are looked for in the array that a variable holds": (
        "import numpy as np\nX = np.arange(20.).reshape(10, 2)",
        "from sklearn.neighbors import NearestNeighbors\nnear = NearestNeighbors(n_neighbors=1, algorithm='brute').fit(X)",
        "X[0] = [100, 100]",
        "near.kneighbors([[100, 100]])[1].tolist()",
    ),
    "the best estimator of a search": (
        "import numpy as np\nfrom sklearn.linear_model import Ridge\nfrom sklearn.model_selection import GridSearchCV\nX = np.arange(40.).reshape(20, 2); y = X[:, 0]\ngrid = GridSearchCV(Ridge(), {'alpha': [1, 2]}, cv=2).fit(X, y)",
        "best = grid.best_estimator_",
        "best.fit(X, -y)",
        "(grid.best_estimator_ is best, grid.predict(X[:2]).round(3).tolist())",
    ),
    "a vote of models": (
        "import numpy as np\nfrom sklearn.dummy import DummyClassifier\nX = np.arange(8.).reshape(4, 2); y = [0, 1, 1, 1]\none = DummyClassifier()",
        "from sklearn.ensemble import VotingClassifier\nvote = VotingClassifier([('one', one)])",
        "one.strategy = 'constant'; one.constant = 0",
        "vote.fit(X, y).predict(X).tolist()",
    ),
    "groups of a frame that gets a column": (
        "import pandas as pd\ndf = pd.DataFrame({'a': [1, 1, 2], 'b': [1, 2, 3]})",
        "groups = df.groupby('a')",
        "df['c'] = df.b * 2",
        "(groups['c'].sum().tolist(), groups.obj is df)",
    ),
    "a window over a series that changes": (
        "import pandas as pd\ns = pd.Series([1., 2., 3.])",
        "window = s.rolling(2)",
        "s.iloc[2] = 30",
        "(window.sum().tolist()[1:], window.obj is s)",
    ),
    "the model of a result": (
        "import numpy as np, statsmodels.api as sm\nX = np.c_[np.ones(10), np.arange(10.)]; y = np.arange(10.) ** 2\nmodel = sm.OLS(y, X)",
        "results = model.fit()",
        "model.note = 'first try'",
        "(results.model is model, results.model.note)",
    ),
    "a labelled array over one that a variable holds": (
        "import numpy as np\na = np.arange(4.)",
        "import xarray as xr\nlabelled = xr.DataArray(a, dims='x')",
        "a[0] = 9",
        "labelled.values.tolist()",
    ),
    "a polynomial over an array": (
        "import numpy as np\nc = np.array([1., 2, 3])",
        "p = np.poly1d(c)",
        "c[0] = 7",
        "float(p(1))",
    ),
    "a search over a model": (
        "import numpy as np\nfrom sklearn.linear_model import Ridge\nX = np.arange(40.).reshape(20, 2); y = X[:, 0]\nridge = Ridge()",
        "from sklearn.model_selection import GridSearchCV\ngrid = GridSearchCV(ridge, {'alpha': [1, 2]}, cv=2)",
        "ridge.fit_intercept = False",
        "grid.fit(X, y).best_estimator_.fit_intercept",
    ),
    "a tree counts what it was asked": (
        "import numpy as np\nfrom sklearn.neighbors import KDTree\nX = np.arange(200.).reshape(100, 2)\ntree = KDTree(X, leaf_size=5)",
        "near = tree.query(X[:2], 3)[1].tolist()",
        "(tree.get_n_calls(), tree.get_tree_stats(), near)",
    ),
    "neighbours by a tree, asked twice": (
        "import numpy as np\nX = np.arange(60.).reshape(30, 2); y = [0, 1, 1] * 10",
        "from sklearn.neighbors import KNeighborsClassifier\nnear = KNeighborsClassifier(3, algorithm='kd_tree').fit(X, y)",
        "told = near.predict(X[:5]).tolist()",
        "score = near.score(X, y)",
        "(told, score, near._tree.get_n_calls())",
    ),
    "a bunch of arrays": (
        "import numpy as np\nx = np.arange(3.)",
        "from sklearn.utils import Bunch\nbunch = Bunch(x=x)",
        "x += 1",
        "bunch.x.tolist()",
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def own_main() -> Iterator[None]:
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


@pytest.mark.parametrize("cells", SHARED.values(), ids=SHARED)
def test_a_librarys_object_holds_the_very_objects_of_variables(cells: tuple[str, ...]) -> None:
    *body, told = cells
    plain, first, second = World(), World(), World()
    for cell in body:
        plain.run(cell)
    kept = [first.miss(cell) for cell in body]
    for cell, parts in zip(body, kept, strict=True):
        second.hit(cell, parts)
    assert second_told(second, told) == second_told(first, told) == second_told(plain, told)


def second_told(world: World, told: str) -> Any:
    world.run(f"told = {told}")
    return world["told"]
