"""An operator's day, in order: each test leaves the service running for the next, and the last takes it away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zmq

from machine import wait_for
from service import DIGITS, EXAMPLES, UNITS, Client, Service
from wire import STATUS, Request

ROOT = Path(__file__).resolve().parents[2]
MEAN = 0.1889449  # of the digits


def small() -> Request:
    return Request(np.zeros((3, 4), np.float32), np.zeros(3, int))


@pytest.fixture
def context() -> Iterator[zmq.Context]:
    context = zmq.Context()
    yield context
    context.destroy(linger=0)


@pytest.fixture
def client(service: Service, context: zmq.Context) -> Client:
    return Client(context, service)


def test_the_package_starts_the_service_now_and_at_boot(service: Service) -> None:
    assert service.is_active, service.journal
    for unit in UNITS:
        assert service.machine.do("systemctl", "is-enabled", unit).strip() == "enabled"
    assert service.machine.do("systemctl", "list-units", "--failed", "--quiet", "--plain").strip() == ""
    assert service.show("NRestarts") == "0"
    assert "warning" not in service.journal and "error" not in service.journal


def test_it_runs_as_an_account_of_its_own_and_idles_in_40_mb(service: Service) -> None:
    owner = service.machine.do("stat", "--format", "%U %G", f"/proc/{service.process}").split()
    assert owner == ["xentd", "xentd"]
    assert service.resident_bytes <= 40e6


def test_both_lanes_answer(service: Service) -> None:
    assert json.loads(service.evaluate("--json"))["mean"] == pytest.approx(MEAN, abs=5e-8)
    pipeline = [f"--{name}=ipc:///run/xentd/{name}.sock" for name in ("requests", "results")]
    assert json.loads(service.evaluate("--json", *pipeline))["mean"] == pytest.approx(MEAN, abs=5e-8)


def test_only_the_group_of_clients_can_connect(service: Service) -> None:
    sockets = [f"/run/xentd/{name}.sock" for name in ("requests", "results", "xentd")]
    assert set(service.machine.do("stat", "--format", "%A %U %G", *sockets).splitlines()) == {
        "srw-rw---- xentd xent-clients"}
    nobody = ["setpriv", "--reuid", "nobody", "--regid", "nogroup"]
    evaluation = ["xent", "eval", *DIGITS, "--timeout", "2"]
    member = service.machine.call(*nobody, "--groups", "xent-clients", *evaluation)
    assert member.returncode == 0, member.stderr
    stranger = service.machine.call(*nobody, "--clear-groups", *evaluation)
    assert stranger.returncode == 2, stranger.stdout


def test_a_killed_daemon_is_back_and_its_clients_go_on(service: Service, client: Client) -> None:
    client.send(small())
    assert client.receive().status == 0
    process = service.process
    service.kill("KILL")
    client.send(small())
    service.is_new_since(process)
    # What was sent may have died with the daemon: a client sends it again until its result is there.
    while client.hears_nothing(1000):
        client.send(small())
    assert client.receive().status == 0
    assert service.show("NRestarts") == "1"


def test_a_daemon_whose_loop_stands_still_is_replaced_by_the_watchdog(service: Service) -> None:
    service.drop_in("watchdog.conf", "[Service]\nWatchdogSec=2s\n")
    process = service.process
    service.kill("STOP")
    wait_for(lambda: "Watchdog timeout (limit 2s)!" in service.journal, "the watchdog bites")
    service.is_new_since(process)
    assert f"{MEAN}" in service.evaluate()
    service.drop_in("watchdog.conf", None)


def test_a_stop_is_clean_and_holds_though_clients_go_on_trying(service: Service, client: Client) -> None:
    client.send(small())
    assert client.receive().status == 0
    service.machine.do("systemctl", "stop", "xentd.service")
    assert service.show("Result") == "success" and service.show("ExecMainStatus") == "0"
    assert "drained" in service.journal
    client.send(small())
    assert client.hears_nothing(1500)
    assert not service.is_active
    assert not any(service.machine.path(f"/run/xentd/{name}.sock").exists() for name in ("requests", "results", "xentd"))
    service.start()
    assert client.receive().status == 0


def test_a_client_that_connects_to_a_socket_starts_the_daemon(service: Service, context: zmq.Context) -> None:
    service.machine.do("systemctl", "stop", "xentd.service")
    service.machine.do("systemctl", "start", "xentd-router.socket")
    assert not service.is_active
    client = Client(context, service)
    client.send(small())
    assert client.receive().status == 0
    assert service.is_active


def test_a_wrong_configuration_is_told_by_its_line_and_not_tried_again(service: Service) -> None:
    file = service.machine.path("/etc/xentd/xentd.yaml")
    good = file.read_text()
    file.write_text(good.replace("workers: auto", "workers: many"))
    line = good.splitlines().index("workers: auto") + 1
    assert service.machine.call("systemctl", "restart", "xentd.service").returncode != 0
    assert service.show("ExecMainStatus") == "78" and service.show("ActiveState") == "failed"
    assert f"/etc/xentd/xentd.yaml:{line}: workers: " in service.journal
    file.write_text(good)
    service.start()
    assert f"{MEAN}" in service.evaluate()


def test_a_reload_takes_effect_while_the_service_runs(service: Service, client: Client) -> None:
    client.send(small())
    assert client.receive().status == 0
    file, process = service.machine.path("/etc/xentd/xentd.yaml"), service.process
    good = file.read_text()
    file.write_text(good.replace("rows: 16777216", "rows: 2").replace("self_test_seconds: 5", "self_test_seconds: 7"))
    service.machine.do("systemctl", "reload", "xentd.service")
    client.send(small())
    assert client.receive().status == STATUS["BAD_SHAPE"], "it counts for who is connected"
    wait_for(lambda: "waits for a restart: self_test_seconds" in service.journal, "the journal says it")
    # A lane more, whose path the daemon itself binds, and gone again.
    lane = "lanes:\n  - {name: more, kind: router, endpoints: 'ipc:///run/xentd/more.sock'}\n"
    file.write_text(good.replace("lanes:\n", lane))
    service.machine.do("systemctl", "reload", "xentd.service")
    assert f"{MEAN}" in service.evaluate("--endpoint", "ipc:///run/xentd/more.sock")
    file.write_text(good)
    service.machine.do("systemctl", "reload", "xentd.service")
    wait_for(lambda: not service.machine.path("/run/xentd/more.sock").exists(), "the lane is closed")
    client.send(small())
    assert client.receive().status == 0
    assert service.process == process and service.is_active


def test_a_reload_that_is_refused_fails_with_the_reason_and_changes_nothing(service: Service, client: Client) -> None:
    file, process = service.machine.path("/etc/xentd/xentd.yaml"), service.process
    good = file.read_text()
    line = good.splitlines().index("workers: auto") + 1
    refusals = {
        # One that no daemon would take, and one that this daemon cannot.
        good.replace("workers: auto", "workers: many"): f"xent: /etc/xentd/xentd.yaml:{line}: workers: ",
        good.replace("memory_limit: auto", "memory_limit: 100000000000").replace(
            "clients_waiting_bytes: 268435456", "clients_waiting_bytes: 50000000000"): "another memory_limit waits",
    }
    for text, reason in refusals.items():
        file.write_text(text.replace("rows: 16777216", "rows: 2"))
        assert reason not in service.journal
        assert service.machine.call("systemctl", "reload", "xentd.service").returncode != 0
        wait_for(lambda: reason in service.journal, reason)
        assert service.is_active and service.process == process
        client.send(small())
        assert client.receive().status == 0
    assert "REFUSED: memory_limit: " in service.machine.do("xent", "status")
    file.write_text(good)
    service.machine.do("systemctl", "reload", "xentd.service")
    assert "REFUSED" not in service.machine.do("xent", "status")


def test_a_reload_can_read_what_the_start_could(service: Service) -> None:
    machine, file = service.machine, service.machine.path("/etc/xentd/xentd.yaml")
    good = file.read_text()
    machine.do("xent", "keygen", "/etc/xentd/curve.key")
    machine.path("/etc/xentd/clients").write_text("# nobody yet\n")
    file.write_text(good + "curve: {secret_key: 'credential:curve.key', clients: /etc/xentd/clients}\n")
    service.drop_in("credential.conf", "[Service]\nLoadCredential=curve.key:/etc/xentd/curve.key\n")
    service.machine.do("systemctl", "reload", "xentd.service")
    assert '"reloads":1' in machine.do("xent", "status", "--json").replace(" ", "")
    file.write_text(good)
    service.drop_in("credential.conf", None)
    machine.do("rm", "/etc/xentd/curve.key", "/etc/xentd/curve.key.pub", "/etc/xentd/clients")


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "systemd/examples").glob("*.conf")))
def test_the_service_runs_with_each_example_of_a_drop_in(service: Service, name: str) -> None:
    service.drop_in(name, service.machine.path(f"{EXAMPLES}/{name}").read_text())
    assert service.is_active and f"{MEAN}" in service.evaluate()
    service.drop_in(name, None)


def test_an_upgrade_keeps_the_configuration_and_runs_the_new_daemon(service: Service, package: Path) -> None:
    file = service.machine.path("/etc/xentd/xentd.yaml")
    file.write_text(file.read_text().replace("workers: auto", "workers: 1"))
    process = service.process
    service.install(package)
    assert service.is_active and service.process != process
    assert "workers: 1" in file.read_text()
    assert f"{MEAN}" in service.evaluate()


def test_a_removal_keeps_the_configuration_and_a_purge_leaves_nothing(service: Service) -> None:
    machine = service.machine
    machine.do("rm", "-rf", "/etc/systemd/system/xentd.service.d")
    machine.do("dpkg", "--remove", "xentd")
    assert not service.is_active
    assert machine.path("/etc/xentd/xentd.yaml").exists()
    machine.do("dpkg", "--purge", "xentd")
    left = machine.do("find", "/", "-xdev", "-name", "*xent*", "-not", "-path", "/proc/*", "-not", "-path", "/root/*")
    assert left.strip() == ""
    assert not machine.path("/run/xentd").exists()
    assert "xentd" not in machine.do("systemctl", "list-units", "--all", "--plain", "xentd*")
    assert "xentd" not in machine.call("systemctl", "list-unit-files", "xentd*").stdout
