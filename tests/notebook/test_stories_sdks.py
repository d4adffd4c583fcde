"""The same stories with packages that come with the SDKs."""

# ruff: noqa: E501
from __future__ import annotations

import pytest
from notebook_kernels import Kernel
from test_stories import as_it_would_have_run, kernels, refused_by_name

__all__ = ["kernels"]
pytestmark = pytest.mark.kernel

KEPT: dict[str, list[str]] = {
    "parts of packages": ["import numpy as np, scipy", "p = np.polynomial.Polynomial([1, 2, 3]); print(p(2))", "y = scipy.stats.norm(0, 1).cdf(1.0); y", "scipy.spatial.distance.euclidean([1], [2])"],
    "a bunch of data": ["from sklearn.datasets import load_iris", "data = load_iris()\nX, y = data.data, data.target", "data.extra = 5", "print(data.extra, data.data.shape, X[0], type(data).__name__)"],
    "an estimator that is fitted later": ["from sklearn.ensemble import RandomForestClassifier\nX, y = [[0], [1], [2], [3]], [0, 0, 1, 1]", "forest = RandomForestClassifier(3, random_state=0)", "forest.fit(X, y);", "print(forest.predict([[0], [3]]))"],
    "plots of seaborn.objects": ["#plain\nimport seaborn.objects as so, pandas as pd\ndf = pd.DataFrame({'x': [1, 2], 'y': [3, 1], 'c': ['a', 'b']})\nget_ipython().display_formatter.formatters['text/plain'].for_type(type(so.Plot(df).plot()), lambda plot, out, cycle: out.text('a plot'))", "so.Plot(df, x='x', y='y').add(so.Dots()).plot()", "p = so.Plot(df, x='x', y='y', color='c')\np.add(so.Line()).layout(size=(2, 2)).plot()", "p.add(so.Bar(), so.Agg()).scale(color='flare', x=so.Continuous(trans='log')).plot()"],
    "formulas": ["import sympy\nfrom sympy.abc import x, nu, t\nphi = sympy.exp(-(x - 4 * t)**2 / (4 * nu * (t + 1)))", "slope = phi.diff(x)", "u = -2 * nu * (slope / phi) + 4; both = [phi, phi]\nprint(u)", "M = sympy.Matrix([[x, 1], [2, t]]); N = M", "M[0, 0] = 5; N", "#plain\nprint(u.free_symbols == {x, nu, t}, both[0] is both[1] is phi, M is N)"],
    "progress bars of pandas": ["import pandas as pd\nfrom tqdm import tqdm", "tqdm.pandas(desc='x', disable=True)", "#plain\nprint(pd.Series([1]).progress_apply(str).tolist())"],
    "a bar that came to its end": ["#plain\nfrom tqdm import tqdm\nimport io", "bar = tqdm(range(3), file=io.StringIO()); total = sum(bar)\ndone = tqdm(total=2, file=io.StringIO()); n = done.update(2)", "#plain\nbar.close(); done.close(); print(total)"],
    "sparse matrices": ["from scipy import sparse\ndef make():\n    with open('o_ran.txt', 'a') as f: f.write('x')\n    return sparse.eye(3).tocsr()", "C = make(); same = C; d = C.data", "d[0] = 5; C.sum()", "C *= 2; C.data[1] = 7", "C[0, 2] = 4", "#plain\nprint(same is C, C.toarray(), open('o_ran.txt').read()); import os; os.remove('o_ran.txt')"],
    "a graph that notes what it was asked": ["import networkx as nx\nG = nx.Graph(); G.add_edge(1, 2)", "G.add_edge(2, 3, w=5)", "list(G.edges(data=True)), G.degree(1)", "H = G; H.remove_node(1)", "print(G is H, len(G))", "#plain\nG.add_edge(7, 8); print(list(G.edges), len(H))"],
}  # fmt: skip
REFUSED: dict[str, tuple[list[str], str]] = {
    "a bar that later cells move on": (["from tqdm import tqdm\nimport io", "bar = tqdm(total=5, file=io.StringIO()); n = bar.update(2)", "n = bar.update(1)\nprint(bar.n)"], "`bar` cannot be kept: the cell uses it"),
    "an object of a class that a package makes in a function": (["import statsmodels.api as sm, numpy as np\nimport matplotlib.pyplot as plt\nfit = sm.OLS(np.arange(9.) ** 2, sm.add_constant(np.arange(9.))).fit()", "fig = sm.graphics.abline_plot(model_results=fit)"], "ABLine2D, which was made inside a function"),
    "a way to show values": (["import sympy\nclass V: pass\ndef show(v): return '<b>v</b>'\nformatter = get_ipython().display_formatter.formatters['text/html']", "_ = get_ipython().display_formatter.formatters['text/html'].for_type(V, show)", "#plain\nV(); formatter.type_printers.pop(V)"], "text/html of V"),
}  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
def test_a_notebook_with_packages_is_as_it_would_have_run(kernels: list[Kernel], name: str) -> None:  # noqa: F811
    as_it_would_have_run(kernels, f"-sdks{list(KEPT).index(name)}", KEPT[name])


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_hit_could_not_do_again_with_packages_is_refused_by_name(kernels: list[Kernel], name: str) -> None:  # noqa: F811
    refused_by_name(kernels, f"-refused-sdks{list(REFUSED).index(name)}", *REFUSED[name])
