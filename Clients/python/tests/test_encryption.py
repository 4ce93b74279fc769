"""Encrypted endpoints: a client whose key is known is served, and others are told why they are not."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import xentd
from conftest import PATIENCE, ROOT, end_to_end, start_again
from test_cross_entropy import batch, losses
from test_faults import until

Connect = Callable[..., xentd.Client]


def keygen(file: Path, name: str = "") -> str:
    """Has `xent` make keys.

    Returns:
        What it prints: the public key, and the name.
    """
    command = [str(end_to_end.BIN / "xent"), "keygen", str(file), "--name", name]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout


@dataclass
class Place:
    """A directory with the daemon's keys, the client's, and those of a stranger; and where the daemon listens."""

    directory: Path
    encrypted: str
    plain: str

    @property
    def server_key(self) -> str:
        return self.file("server.key.pub").read_text().split()[0]

    def file(self, name: str) -> Path:
        return self.directory / name


@pytest.fixture
def place(start_daemon: Callable[..., Any], tmp_path: Path) -> Place:
    """A daemon that encrypts on one endpoint and not on another, and knows the client."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    place = Place(tmp_path, f"tcp://127.0.0.1:{port}", f"ipc://{tmp_path}/x")
    keygen(place.file("server.key"))
    keygen(place.file("stranger.key"))
    place.file("clients").write_text("# who may come\n" + keygen(place.file("client.key"), "a client"))
    place.file("xentd.yaml").write_text(
        f"curve: {{secret_key: {place.file('server.key')}, clients: {place.file('clients')}}}\n"
        f"lanes:\n  - name: r\n    kind: router\n"
        f"    endpoints: [{{bind: '{place.encrypted}', curve: true}}, '{place.plain}']\n"
        f"  - name: p\n    kind: pipeline\n    requests: {{bind: 'ipc://{tmp_path}/q', curve: true}}\n"
        f"    results: {{bind: 'ipc://{tmp_path}/r', curve: true}}\n"
    )
    place.daemon = start_daemon("--config", str(place.file("xentd.yaml")), lanes=False)  # type: ignore[attr-defined]
    return place


def check(client: xentd.Client) -> None:
    logits, labels = batch(300, 200)
    assert client.cross_entropy(logits, labels, reduction="none") == pytest.approx(losses(logits, labels), rel=1e-6)


@pytest.mark.parametrize("form", ["files", "text", "bytes", "names"])
def test_a_client_whose_key_is_known_is_served(connect: Connect, place: Place, form: str) -> None:
    server, client = place.file("server.key.pub"), place.file("client.key")
    secret = client.read_text().splitlines()[-1]
    server_key, key = {
        "files": (server, client), "names": (str(server), str(client)),
        "text": (place.server_key, secret), "bytes": (place.server_key.encode(), secret.encode()),
    }[form]  # fmt: skip
    check(connect(place.encrypted, server_key=server_key, key=key))


def test_the_environment_has_keys_as_it_has_for_the_command_line(
    place: Place, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XENTD_ENDPOINT", place.encrypted)
    monkeypatch.setenv("XENTD_SERVER_KEY", place.server_key)
    monkeypatch.setenv("XENTD_KEY", str(place.file("client.key")))
    check(connect(None))
    monkeypatch.delenv("XENTD_KEY")
    with pytest.raises(ValueError, match=r"\$XENTD_SERVER_KEY: goes with key="):
        xentd.Client()
    check(connect(None, key=place.file("client.key")))


def test_a_pipeline_lane_may_be_encrypted_both_ways(connect: Connect, place: Place) -> None:
    lane = xentd.Pipeline(f"ipc://{place.directory}/q", f"ipc://{place.directory}/r")
    check(connect(lane, server_key=place.server_key, key=place.file("client.key")))


def test_an_encrypted_connection_is_made_anew_when_the_daemon_comes_back(connect: Connect, place: Place) -> None:
    client = connect(place.encrypted, server_key=place.server_key, key=place.file("client.key"))
    logits, labels = batch(64, 100)
    futures = [client.submit(logits, labels) for _ in range(100)]
    place.daemon.stop()  # type: ignore[attr-defined]
    start_again(place.daemon)  # type: ignore[attr-defined]
    futures += [client.submit(logits, labels) for _ in range(100)]
    assert len({future.result(PATIENCE).sum for future in futures}) == 1


def test_a_client_that_is_not_let_in_is_told_so_at_once_and_what_to_do(connect: Connect, place: Place) -> None:
    def refusal(address: str, **settings: Any) -> str:
        client = connect(address, timeout=PATIENCE * 5, **settings)  # which is not waited for
        with pytest.raises(xentd.DaemonUnreachable, match="no daemon lets this client in") as caught:
            client.cross_entropy(*batch())
        return str(caught.value)

    stranger = place.file("stranger.key.pub").read_text().split()[0]
    unknown = refusal(place.encrypted, server_key=place.server_key, key=place.file("stranger.key"))
    assert f"{place.encrypted} is not connected: it does not know this client's key; add the line `{stranger}`" in unknown
    assert "it takes only encrypted connections; pass server_key= and key=" in refusal(place.encrypted)
    both = {"server_key": place.server_key, "key": place.file("client.key")}
    assert "it does not encrypt there; leave out server_key= and key=" in refusal(place.plain, **both)


def test_a_wrong_key_of_the_daemons_is_named_when_the_time_is_up(connect: Connect, place: Place) -> None:
    stranger = place.file("stranger.key.pub")
    client = connect(place.encrypted, server_key=stranger, key=place.file("client.key"), timeout=1)
    public = stranger.read_text().split()[0]
    with pytest.raises(xentd.DaemonUnreachable) as caught:
        client.cross_entropy(*batch())
    assert f"it ends each handshake; is its public key `{public}`?" in str(caught.value)
    assert "Start one" not in str(caught.value)


def test_a_client_without_keys_does_not_wait_for_its_time_to_be_up_where_all_handshakes_end(
    connect: Connect, hangs_up: str
) -> None:
    with pytest.raises(xentd.DaemonUnreachable, match=r"^no daemon lets this client in: .*it ends each handshake"):
        connect(hangs_up, timeout=5 * PATIENCE).cross_entropy(*batch())


def test_a_client_without_keys_is_told_what_it_may_mean_that_handshakes_just_end(connect: Connect, hangs_up: str) -> None:
    with pytest.raises(xentd.DaemonUnreachable) as caught:
        connect(hangs_up, timeout=1).cross_entropy(*batch())
    assert "it ends each handshake; if it takes only encrypted connections, pass server_key= and key=" in str(caught.value)
    assert "Start one" not in str(caught.value)


def test_a_client_that_is_let_in_later_is_served_then(connect: Connect, place: Place) -> None:
    client = connect(place.encrypted, server_key=place.server_key, key=place.file("stranger.key"), resend_after=0.1)
    with pytest.raises(xentd.DaemonUnreachable):
        client.cross_entropy(*batch())
    place.daemon.stop()  # type: ignore[attr-defined]
    with place.file("clients").open("a") as clients:
        clients.write(place.file("stranger.key.pub").read_text())
    start_again(place.daemon)  # type: ignore[attr-defined]
    until(lambda: client.stats().addresses[place.encrypted] == "ready")
    check(client)


def test_daemons_that_let_a_client_in_serve_it_though_others_do_not(connect: Connect, place: Place, shared_daemon: Any) -> None:
    client = connect([place.encrypted, shared_daemon.router])
    check(client)
    until(lambda: "takes only encrypted connections" in client.stats().addresses[place.encrypted])


def test_each_worker_of_dask_has_the_keys(place: Place) -> None:
    da = pytest.importorskip("dask.array")
    import xentd.dask

    logits, labels = batch(300, 20)
    keys = {"endpoint": place.encrypted, "server_key": place.server_key, "key": place.file("client.key")}
    arrays = da.from_array(logits, chunks=(50, 20)), da.from_array(labels, chunks=50)
    try:
        evaluation = xentd.dask.evaluate(*arrays, **keys).compute(scheduler="threads")
        assert evaluation.mean == pytest.approx(losses(logits, labels).mean(), rel=1e-6)
    finally:
        for client in xentd.dask._clients.values():
            client.close(wait=False)
        xentd.dask._clients.clear()


# From ZeroMQ's RFC 26.
A, B = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"


@pytest.mark.parametrize(
    ("server", "client", "words"),
    [
        (None, B, r"key: goes with server_key=, the daemon's public key; `xent keygen --show FILE` prints it there"),
        (A, None, r"server_key: goes with key=, the file of this client's secret key: .* `xent keygen FILE` makes one"),
        ("no/such/file", B, r"server_key: no/such/file: cannot be read: No such file or directory; pass the daemon's public"),
        (Path(A), B, r"server_key: .*: cannot be read: No such file or directory"),
        (A, "no/such/file", r"key: no/such/file: cannot be read: .*; pass the file of this client's secret key"),
        (A, B[:-1], r"key: a text of 39 characters: cannot be read"),
        (A, B[:20] + "/" + B[20:], r"key: a text of 41 characters: cannot be read"),
        (A, "/" + B[1:-1], r"key: a text of 39 characters: cannot be read"),
        (A, b"~" * 40, r"key: a text of 40 characters: cannot be read"),
        (A, b"#" * 40, r"key: a text of 40 characters: cannot be read"),
        (A, Path("/tmp"), r"key: /tmp: is not a file; pass the file"),
    ],
    ids=range(11),
)  # fmt: skip
def test_what_is_no_key_is_refused_in_words(server: Any, client: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        xentd.Client("ipc:///tmp/nobody", server_key=server, key=client)
    assert B[21:-1] not in str(caught.value)


@pytest.mark.parametrize(
    ("which", "text", "mode", "words"),
    [
        ("server_key", "", 0o644, "expected one public key, found 0; `xent keygen FILE` writes FILE.pub"),
        ("server_key", f"{A} a\n{A[::-1]} b\n", 0o644, "expected one public key, found 2"),
        (
            "server_key",
            f"# a key\n\n{A[:-1]}\n",
            0o644,
            "line 3: expected a key, which is 40 characters of Z85, found 39 chara",
        ),
        (
            "server_key",
            "#" * 5 + "\n" + "%" * 39 + "~",
            0o644,
            "line 2: expected a key, .* found 40 characters that are no key",
        ),
        ("key", f"# secret\n{B}\n", 0o644, r"everybody may use it \(mode 644\), and it is secret; chmod 600 "),
        ("key", "# nothing\n", 0o600, "expected one secret key and nothing else, found none"),
        ("key", f"{A} a laptop\n", 0o600, r"expected one secret key and nothing else, found more; is it FILE, not FILE.pub\?"),
        ("key", f"{B}x\n", 0o600, "line 1: expected a key, .* found 41 characters"),
    ],
    ids=range(8),
)
def test_a_file_that_has_no_key_is_refused_in_words(tmp_path: Path, which: str, text: str, mode: int, words: str) -> None:
    file = tmp_path / "file"
    file.write_text(text)
    file.chmod(mode)
    with pytest.raises(ValueError, match=f"^{which}: {file}: {words}") as caught:
        xentd.Client("ipc:///tmp/nobody", **{"server_key": A, "key": B} | {which: file})
    assert B not in str(caught.value)


def test_a_secret_key_does_not_show_itself() -> None:
    from xentd._keys import keys_of

    keys = keys_of(A, B)
    assert keys is not None
    assert B not in repr(keys)


def test_a_program_without_keys_says_so_within_seconds(place: Place) -> None:
    """The whole of what a user sees who forgot them."""
    code = f"import xentd; xentd.Client({place.encrypted!r}).cross_entropy([[1.0, 2.0]], [1])"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "Clients/python/src")}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, env=environment)
    assert run.returncode == 1
    assert "pass server_key= and key=" in run.stderr.splitlines()[-1]
