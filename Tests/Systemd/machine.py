"""A minimal Debian in a folder, booted by systemd-nspawn: its own process 1, its own journal, no network."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SUITE = "bookworm"
MIRROR = os.environ.get("XENTD_DEBIAN_MIRROR", "http://deb.debian.org/debian")
# systemd, and what the package depends on: there is no network inside to install it from.
PACKAGES = "systemd,systemd-sysv,dbus,libzmq5,libyaml-0-2"
PATIENCE = 90  # seconds that anything may take before a test gives up


def obstacle() -> str | None:
    """Why no machine can be booted here; None where one can."""
    if os.geteuid() != 0:
        return "booting a Debian needs root"
    for tool in ("debootstrap", "systemd-nspawn", "nsenter", "setpriv"):
        if not shutil.which(tool):
            return f"{tool} is not installed: Scripts/install-dependencies systemd"
    namespaces = subprocess.run(
        ["unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "true"], capture_output=True, text=True)
    return f"no namespaces here: {namespaces.stderr.strip()}" if namespaces.returncode else None


def base_archive() -> Path:
    """The installed system as a tar archive, made once and kept in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "xentd"
    key = hashlib.sha256(f"{SUITE} {PACKAGES}".encode()).hexdigest()[:12]
    archive = cache / f"debian-{SUITE}-{key}.tar"
    if archive.exists():
        return archive
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="debootstrap-", dir=cache) as directory:
        root, made = Path(directory) / "root", Path(directory) / "made.tar"
        run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(root), MIRROR])
        run(["tar", "-C", str(root), "--exclude=./var/cache/apt/*", "--exclude=./var/lib/apt/lists/*", "-cf", str(made), "."])
        made.rename(archive)
    return archive


def run(command: list[str]) -> None:
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, f"{' '.join(command)} failed:\n{result.stdout[-4000:]}"


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"not in {PATIENCE} s: {what}"
        time.sleep(0.05)


class Machine:
    """A booted Debian. Whatever happens to the test, it ends with it."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="xentd-machine-", dir="/var/tmp"))
        self.root = self.directory / "root"
        try:
            self.root.mkdir()
            run(["tar", "-C", str(self.root), "-xf", str(base_archive())])
            (self.root / "etc/machine-id").write_text("")  # made anew at each boot
            self.boot()
        except BaseException:
            self.stop()
            raise

    def boot(self) -> None:
        with (self.directory / "console").open("wb") as console:
            self.nspawn = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit",
                 "--private-network", "--directory", str(self.root)],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True)
        wait_for(lambda: self.call("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"), "booted")

    @property
    def leader(self) -> int | None:
        """The machine's process 1, as the host numbers it."""
        assert self.nspawn.poll() is None, (self.directory / "console").read_text(errors="replace")
        children = Path(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children").read_text().split()
        return int(children[0]) if children else None

    def call(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a command inside, as root."""
        leader = self.leader
        if leader is None:
            return subprocess.CompletedProcess(command, 1, "", "there is no process 1 yet")
        return subprocess.run(
            ["nsenter", "--target", str(leader), "--mount", "--pid", "--uts", "--ipc", "--net", *command],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)

    def do(self, *command: str) -> str:
        """Runs a command inside that must succeed."""
        result = self.call(*command)
        assert result.returncode == 0, f"{' '.join(command)}: {result.returncode}\n{result.stdout}{result.stderr}"
        return result.stdout

    def path(self, path: str) -> Path:
        """A path of the machine, what is mounted inside included, as the host sees it."""
        return Path(f"/proc/{self.leader}/root{path}")

    def stop(self) -> None:
        nspawn = getattr(self, "nspawn", None)
        if nspawn and nspawn.poll() is None:
            self.call("systemctl", "--force", "poweroff")
            try:
                nspawn.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                nspawn.send_signal(signal.SIGKILL)  # its children die with it
                nspawn.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
