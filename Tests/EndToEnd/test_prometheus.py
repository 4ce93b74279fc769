"""Prometheus itself: it reads the daemon, and knows every metric that the dashboard and the alerts name."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq

from conftest import PATIENCE, ROOT, Client, Daemon
from wire import Request

DASHBOARD = ROOT / "Config/grafana-dashboard.json"
ALERTS = ROOT / "Config/prometheus-alerts.yaml"
# What Prometheus adds itself, and what the rules record.
NOT_EXPORTED = {"up"}

needs_prometheus = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="no prometheus here; Scripts/install-dependencies monitoring installs Debian's",
)


def queries() -> list[tuple[str, str]]:
    """The title of every panel of the dashboard with each of its queries, variables filled in."""
    dashboard = json.loads(DASHBOARD.read_text())
    found = []
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"].replace("$instance", ".*")
            expression = expression.replace("$__rate_interval", "1m").replace("$__range", "1h")
            assert "$" not in expression, expression
            found.append((f"{panel['title']} ({target['refId']})", expression))
    return found


def rules() -> list[str]:
    return re.findall(r"(?:expr: (?:>-\s+)?)(.*(?:\n {10,}.*)*)", ALERTS.read_text())


def metrics_named(expressions: list[str]) -> set[str]:
    return {name for text in expressions for name in re.findall(r"\b(?:xentd|process)_\w+", text)}


@pytest.fixture(scope="module")
def exported(shared_daemon: Daemon) -> set[str]:
    lines = shared_daemon.ask("/metrics")[2].splitlines()
    return {re.match(r"[a-z_]+", line).group() for line in lines if not line.startswith("#")}  # type: ignore[union-attr]


def test_every_metric_that_the_dashboard_names_is_exported(exported: set[str]) -> None:
    named = metrics_named([expression for _, expression in queries()])
    assert len(named) > 25
    assert named <= exported, named - exported


def test_every_metric_that_the_alerts_name_is_exported(exported: set[str]) -> None:
    named = metrics_named(rules())
    assert len(named) > 10
    assert named <= exported, named - exported


def test_the_dashboard_has_its_rows_and_no_two_panels_in_one_place() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    rows = [panel["title"] for panel in panels if panel["type"] == "row"]
    assert rows == ["Health", "Throughput", "Latency", "Saturation", "Errors", "Peers"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in panels}) == len(panels)


@needs_prometheus
def test_promtool_finds_nothing_wrong_with_the_metrics(shared_daemon: Daemon) -> None:
    text = shared_daemon.ask("/metrics")[2]
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


@needs_prometheus
def test_promtool_finds_nothing_wrong_with_the_alerts_and_they_fire_when_they_should() -> None:
    checked = subprocess.run(["promtool", "check", "rules", ALERTS], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    cases = Path(__file__).with_name("alerts.test.yaml")
    tested = subprocess.run(["promtool", "test", "rules", cases], capture_output=True, text=True, cwd=ROOT)
    assert tested.returncode == 0, tested.stdout + tested.stderr


class Prometheus:
    """A Prometheus that scrapes one address every second."""

    def __init__(self, directory: Path, target: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as unused:
            self.address = f"127.0.0.1:{unused.getsockname()[1]}"
        shutil.copy(ALERTS, directory / "alerts.yaml")
        config = directory / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [alerts.yaml]\n"
            f"scrape_configs: [{{job_name: xentd, static_configs: [{{targets: ['{target}']}}]}}]\n"
        )
        command = [
            "prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory}/data",
            f"--web.listen-address={self.address}", "--log.level=warn",
        ]
        self.log = directory / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=log)

    def get(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"http://{self.address}/api/v1/{path}?{query}", timeout=PATIENCE) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        return self.get("query", query=expression)["result"]

    def await_query(self, expression: str) -> list[dict[str, Any]]:
        deadline = time.monotonic() + PATIENCE
        while True:
            assert self.process.poll() is None and time.monotonic() < deadline, (expression, self.log.read_text())
            try:
                if result := self.query(expression):
                    return result
            except OSError:
                pass
            time.sleep(0.1)


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Any]:
    """Starts a Prometheus for a daemon that answers on loopback."""
    servers: list[Prometheus] = []

    def start(daemon: Daemon) -> Prometheus:
        target = re.search(r"address=(127\S+)", daemon.log)
        assert target
        servers.append(Prometheus(tmp_path, target.group(1)))
        return servers[-1]

    yield start
    for server in servers:
        server.process.terminate()
        server.process.wait(PATIENCE)


@needs_prometheus
def test_a_prometheus_reads_the_daemon_and_every_panel_and_rule_has_an_answer(
    start_daemon: Any, watch: Any, context: zmq.Context
) -> None:
    daemon = start_daemon("--http", "127.0.0.1:0")
    server = watch(daemon)
    client = Client(context, daemon.router)
    logits, labels = np.zeros((1000, 100), np.float32), np.zeros(1000, int)
    server.await_query('up{job="xentd"} == 1')
    for _ in range(200):
        client.ask(Request(logits, labels, sent_at=time.time_ns()))
    # Two scrapes that see the traffic, for a rate.
    server.await_query('xentd_batches_computed_total{lane="router"} == 200')
    client.ask_frames([b"rubbish"])
    server.await_query('xentd_batches_failed_total{lane="router",reason="malformed"} == 1')
    server.await_query("rate(xentd_batches_computed_total[1m]) > 0")
    empty = [title for title, expression in queries() if not server.query(expression)]
    assert empty == [], empty
    compute = server.query(
        'histogram_quantile(0.5, sum by (le) (rate(xentd_stage_duration_seconds_bucket{stage="compute"}[1m])))'
    )
    assert 1e-6 < float(compute[0]["value"][1]) < 1, "a batch of 400 kB takes some time, and not a second"
    groups = server.get("rules")["groups"]
    found = {rule["name"]: rule for group in groups for rule in group["rules"]}
    assert len(found) >= 15 and all(rule["health"] in ("ok", "unknown") for rule in found.values()), found
    raised = {alert["labels"]["alertname"] for alert in server.get("alerts")["alerts"]}
    assert raised <= {"XentdSlow"}, "all is well, but for a machine that may be slow"
    server.await_query('xentd:stage_slow:ratio_rate5m{stage="compute"} < 0.5')
    daemon.process.kill()
    daemon.process.wait(PATIENCE)
    server.await_query('ALERTS{alertname="XentdDown",alertstate="pending"}')
    daemon.start()


@needs_prometheus
def test_what_has_not_happened_yet_has_no_age(start_daemon: Any, watch: Any, short_directory: Path) -> None:
    config = short_directory / "xentd.yaml"
    lane = f"{{name: router, kind: router, endpoints: 'ipc://{short_directory}/x'}}"
    config.write_text(f"self_test_seconds: 0\nlanes: [{lane}]\n")
    server = watch(start_daemon("--config", str(config), "--http", "127.0.0.1:0", lanes=False))
    server.await_query('up{job="xentd"} == 1')
    ages = {title: server.query(expression) for title, expression in queries() if "time() - " in expression}
    assert set(ages) == {"Up for (A)", "Self-test age (A)", "Last batch (A)"}
    assert float(ages.pop("Up for (A)")[0]["value"][1]) < 3600
    assert not any(ages.values()), "no batch was computed, and there is no self-test"


def test_the_documents_name_every_alert_and_every_metric(exported: set[str]) -> None:
    text = (ROOT / "Documentation/operations.md").read_text()
    alerts = re.findall(r"alert: (\w+)", ALERTS.read_text())
    assert len(alerts) > 10 and not [name for name in alerts if name not in text]
    families = {re.sub(r"_(bucket|sum|count)$", "", name) if "_seconds_" in name or "_batch_" in name else name for name in exported}
    assert not [name for name in families if name not in text and not name.startswith("process_")]
