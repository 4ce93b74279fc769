"""The pages of `xentload`, opened in a browser without a network."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import PATIENCE, Daemon
from test_load import SMALL, xentload

BROWSER = shutil.which("chromium")
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no chromium (Debian's package `chromium`)")


def browse(page: Path, *options: str) -> str:
    """Opens a page in a browser that reaches no network."""
    command = [
        str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={page.parent}/profile", "--force-color-profile=srgb", *options, page.as_uri()]
    run = subprocess.run(command, capture_output=True, text=True, timeout=6 * PATIENCE)
    assert run.returncode == 0, run.stderr
    return run.stdout


class Curves(HTMLParser):
    """The curves of a page, by chart and name, and everything that is loaded from elsewhere."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.curves: dict[tuple[str, str], int] = {}
        self.loaded: list[str] = []
        self._chart = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        if tag == "svg":
            self._chart = values.get("aria-label") or ""
        if tag == "path" and (values.get("class") or "").startswith("curve"):
            self.curves[self._chart, values["data-name"] or ""] = len(re.findall("[ML]", values["d"] or ""))
        self.loaded += [f"{tag} {name}={values[name]}" for name in ("src", "href") if values.get(name)]


def pixels(png: Path) -> np.ndarray:
    """The pixels of a picture, shape (height, width, 3)."""
    with Image.open(png) as image:
        return np.asarray(image.convert("RGB"))


def count(image: np.ndarray, color: str) -> int:
    wanted = np.array([int(color[i:i + 2], 16) for i in (0, 2, 4)], np.int32)
    return int((np.abs(image.astype(np.int32) - wanted).max(axis=2) <= 6).sum())


@pytest.fixture(scope="module")
def run_page(shared_daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Path:
    page = tmp_path_factory.mktemp("run") / "report.html"
    run = xentload("run", "--endpoint", shared_daemon.router, *SMALL, "--duration", "1", "--html", page)
    assert run.returncode == 0, run.stderr
    return page


@pytest.fixture(scope="module")
def sweep_page(shared_daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Path:
    page = tmp_path_factory.mktemp("sweep") / "report.html"
    options = ["--rates", "100,200,400", "--slo", "p99<1s", "--duration", "0.5", "--html", page]
    run = xentload("sweep", "--endpoint", shared_daemon.router, *SMALL, *options)
    assert run.returncode == 0, run.stderr
    return page


RUN_CURVES = {
    ("Throughput over time", "batches/s"), ("Latency over time", "p50"), ("Latency over time", "p99"),
    ("Latency over time", "max"), ("Latency distribution", "corrected"), ("Latency distribution", "uncorrected"),
    ("The parts by percentile", "queue"), ("The parts by percentile", "compute"),
    ("The parts by percentile", "network"),
}
SWEEP_CURVES = {
    ("Latency against load", "p50"), ("Latency against load", "p99"), ("Latency against load", "p99.9"),
    ("Throughput against load", "batches/s"), ("Where the time goes, against load", "queue"),
    ("Where the time goes, against load", "compute"), ("Where the time goes, against load", "network"),
}


def test_the_pages_load_nothing_and_have_their_curves(run_page: Path, sweep_page: Path) -> None:
    run, sweep = Curves(run_page.read_text()), Curves(sweep_page.read_text())
    assert run.loaded == sweep.loaded == []
    assert set(run.curves) == RUN_CURVES and all(points >= 10 for points in run.curves.values())
    assert set(sweep.curves) == SWEEP_CURVES and all(points == 3 for points in sweep.curves.values())
    for page in (run_page, sweep_page):
        assert not re.search(r"https?://|url\(|@import", page.read_text())


@needs_browser
@pytest.mark.parametrize("name", ["run_page", "sweep_page"])
def test_a_browser_draws_the_curves(name: str, request: pytest.FixtureRequest) -> None:
    page: Path = request.getfixturevalue(name)
    picture = page.parent / "report.png"
    browse(page, f"--screenshot={picture}", "--window-size=960,2600")
    image = pixels(picture)
    # Blue, orange and teal: what each chart draws its curves with.
    assert all(count(image, color) > 300 for color in ("2a6fdb", "d9730d", "12897b"))
    drawn = Curves(browse(page, "--dump-dom"))
    assert set(drawn.curves) == (RUN_CURVES if name == "run_page" else SWEEP_CURVES)
