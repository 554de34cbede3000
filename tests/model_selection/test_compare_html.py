import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl.model_selection import compare_models

X, y = load_iris(return_X_y=True)
AWKWARD = "naive <b>& bayes</b>"


class Broken(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        raise RuntimeError("<script>alert(1)</script>")


@pytest.fixture(scope="module")
def comparison():
    models = {
        "linear": make_pipeline(StandardScaler(), LogisticRegression()),
        AWKWARD: GaussianNB(),
        "dummy": DummyClassifier(),
        "broken": Broken(),
    }
    with pytest.warns(FitFailedWarning):
        return compare_models(models, X, y, scoring=["accuracy", "f1_macro"])


class Structure(HTMLParser):
    """Collects what a page loads, and checks that its elements are closed."""

    empty = frozenset({"meta", "input", "br", "img", "link", "path", "use", "hr"})

    def __init__(self):
        super().__init__()
        self.open, self.loads, self.tables = [], [], 0

    def handle_starttag(self, tag, attributes):
        if tag not in self.empty:
            self.open.append(tag)
        self.tables += tag == "table"
        for name, value in attributes:
            if name in ("src", "srcset", "data", "poster") or tag == "link":
                self.loads.append((tag, name, value))

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if tag not in self.empty:
            assert self.open.pop() == tag


def test_the_page_is_whole_and_escaped(comparison, tmp_path):
    path = tmp_path / "page.html"
    page = comparison.to_html(path)
    assert path.read_text(encoding="utf-8") == page
    structure = Structure()
    structure.feed(page)
    assert structure.open == []
    assert structure.loads == []
    assert not re.search(r"@import|url\(\s*['\"]?https?:", page)
    assert page.count("<body") == page.count("</body") == 1
    assert page.count("<svg") >= 2
    assert AWKWARD not in page
    assert "naive &lt;b&gt;&amp; bayes&lt;/b&gt;" in page
    assert "alert(1)</script>" not in page
    assert "RuntimeError: &lt;script&gt;alert(1)" in page
    assert "StandardScaler" in page


def test_the_page_is_reproducible(comparison):
    def without_diagrams(page):
        # scikit-learn numbers its diagrams anew each time.
        return re.sub(r"sk-(container|estimator)-id-\d+", "", page)

    assert without_diagrams(comparison.to_html()) == without_diagrams(
        comparison.to_html()
    )


def test_the_page_without_matplotlib(comparison, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    page = comparison.to_html()
    assert "Install matplotlib for the plots." in page
    assert "<svg" not in page
    with pytest.raises(ImportError, match=r"ModelComparison.plot requires matplotlib"):
        comparison.plot()


def test_one_model_on_one_fold_has_a_page():
    half = [(np.arange(0, 150, 2), np.arange(1, 150, 2))]
    page = compare_models({"only": GaussianNB()}, X, y, cv=half).to_html()
    assert "Every pair" not in page
    assert "nan" not in re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.DOTALL)


def test_html_representation_is_a_table(comparison):
    fragment = comparison._repr_html_()
    assert fragment.startswith('<div class="scroll"><table')
    assert "<th>mean accuracy</th>" in fragment
    assert '<td class="text">linear</td>' in fragment


def test_plot_shows_each_fold_and_the_best_on_top(comparison):
    settings = dict(matplotlib.rcParams)
    ax = comparison.plot(ax=Figure().subplots(), metric="f1_macro")
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == list(comparison.summary("f1_macro").index)[::-1]
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    best = comparison.results.query("model == 'linear'")["test_f1_macro"]
    np.testing.assert_array_equal(dots[-1].get_xdata(), best)
    assert ax.get_xlabel() == "f1_macro of the test folds"
    assert dict(matplotlib.rcParams) == settings


def test_plot_makes_a_figure(comparison):
    ax = comparison.plot()
    assert ax.get_xlabel() == "accuracy of the test folds"


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
# A page says in its title what it shows and what it tried to load.
PROBE = """
<script>
addEventListener("load", () => {
  document.querySelectorAll("details").forEach(part => part.open = true);
  const shown = selector => [...document.querySelectorAll(selector)].filter(
    part => part.getBoundingClientRect().height > 60).length;
  const loads = performance.getEntriesByType("resource").map(entry => entry.name);
  document.title = [shown("table"), shown("figure svg"), shown(".sk-top-container"),
    document.documentElement.scrollWidth <= innerWidth, "loads:" + loads].join(" ");
});
</script>
"""


def browse(page, folder, *, width=1100):
    """Return the page as Chromium built it, and what its console said."""
    file = folder / "page.html"
    file.write_text(page, encoding="utf-8")
    run = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={folder / 'profile'}",
            f"--window-size={width},900",
            "--enable-logging=stderr",
            "--dump-dom",
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    console = [line for line in run.stderr.splitlines() if "CONSOLE" in line]
    return run.stdout, console


def read_title(dom):
    return re.search(r"<title>(.*?)</title>", dom)[1].split()


@needs_chromium
@pytest.mark.slow
@pytest.mark.parametrize("width", [1100, 500])
def test_the_page_in_a_browser(comparison, tmp_path, width):
    page = comparison.to_html().replace("<main>", f"{PROBE}<main>")
    dom, console = browse(page, tmp_path, width=width)
    assert console == []
    tables, figures, diagrams, fits, loads = read_title(dom)
    assert int(tables) >= 6
    assert (figures, diagrams, fits, loads) == ("2", "4", "true", "loads:")
    assert all(name in dom for name in ("linear", "dummy", "broken", "GaussianNB"))


@needs_chromium
@pytest.mark.slow
def test_the_browser_would_tell_of_errors_and_loads(tmp_path):
    page = f'{PROBE}<img src="https://example.org/a.png"><script>missing()</script>'
    dom, console = browse(page, tmp_path)
    assert any("missing is not defined" in line for line in console)
    assert read_title(dom)[-1] == "loads:https://example.org/a.png"
