#!/usr/bin/env python3
"""Several clients, several daemons, and every kind of trouble at random from a seed: no batch may be lost, doubled or wrong."""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from network import Namespace, Unavailable
from proxy import Proxy
from trouble import Daemon, Trouble, of_client, of_daemon, of_network, of_proxy

HERE = Path(__file__).resolve().parent


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=HERE.parents[1] / ".build/release", help="where xentd is")
    parser.add_argument("--batches", type=int, default=100_000, help="of all clients together")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two troubles, at the most")
    parser.add_argument("--timeout", type=float, default=600, help="seconds after which it is given up")
    return parser.parse_args()


class Scene:
    """Daemons, a proxy, a network, and the clients among them."""

    def __init__(self, options: argparse.Namespace, stack: ExitStack) -> None:
        self._stack = stack
        self._directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="xentd-chaos-", dir="/tmp")))
        self._xentd = str(options.build.resolve() / "xentd")
        self.troubles: list[Trouble] = []
        self.daemons: dict[str, Daemon] = {}
        calm = self._ipc("calm")
        self._daemon("calm", "--router", calm)
        first, second, pipeline = self._ipc("first"), self._ipc("second"), self._ipc("pipe")
        self._trouble_daemon("first daemon", "--router", first)
        self._trouble_daemon("second daemon", "--router", second, "--requests", pipeline + "q", "--results", pipeline + "r")
        proxy = Proxy(second.removeprefix("ipc://"))
        stack.callback(proxy.close)
        self.troubles += of_proxy(proxy)
        addresses: list[object] = [first, proxy.endpoint]
        try:
            network = Namespace()
        except Unavailable as why:
            print(f"no network namespace: {why}")
        else:
            stack.callback(network.close)
            if network.why_not_narrow:
                print(f"the link is not narrowed: {network.why_not_narrow}")
            remote = f"tcp://{network.address}:5557"
            # Only this machine reaches it. The clients' other daemons do not encrypt, and keys are for all of a client's.
            file = self._directory / "remote.yaml"
            file.write_text(
                f"lanes: [{{name: r, kind: router, endpoints: [{{bind: '{remote}', allow_insecure: true}}]}}]\nhttp: []\n"
            )
            self._trouble_daemon("remote daemon", "--config", str(file), namespace=network)
            self.troubles += of_network(network)
            addresses.append(remote)
        count, seed = options.batches // options.clients, options.seed
        self.clients = []
        for number in range(options.clients):
            settings = {
                "calm": calm, "count": count, "seed": seed + number, "timeout": options.timeout, "shuffled": number % 2 == 1,
                # The last one has the pipeline lane, of which it is the only consumer, and one lane besides.
                "addresses": [[pipeline + "q", pipeline + "r"], first] if number == options.clients - 1 else addresses,
            }  # fmt: skip
            command = [sys.executable, str(HERE / "worker.py"), json.dumps(settings)]
            client = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            stack.callback(self._end, client)
            self.troubles += of_client(number, client)
            self.clients.append(client)

    def _ipc(self, name: str) -> str:
        return f"ipc://{self._directory}/{name}"

    def _daemon(self, name: str, *lanes: str, namespace: Namespace | None = None) -> Daemon:
        command = [self._xentd, *lanes]
        if namespace is not None:
            command = namespace.command(*command)
        daemon = Daemon(command, self._directory / "log")
        self._stack.callback(lambda: self._end(daemon.process))
        self.daemons[name] = daemon
        return daemon

    def unasked_deaths(self) -> list[str]:
        """The daemons that ended though nobody had ended them, and the last that was logged then."""
        for daemon in self.daemons.values():
            daemon.look()
        dead = [f"{name} ended with {daemon.deaths}" for name, daemon in self.daemons.items() if daemon.deaths]
        return [*dead, (self._directory / "log").read_text(errors="replace")[-2000:]] if dead else []

    def _trouble_daemon(self, name: str, *lanes: str, namespace: Namespace | None = None) -> None:
        self.troubles += of_daemon(name, self._daemon(name, *lanes, namespace=namespace))

    @staticmethod
    def _end(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            process.kill()
            process.wait()


def make_trouble(scene: Scene, chance: random.Random, pause: float, is_over: threading.Event) -> Counter[str]:
    """Causes one trouble after the other, two at once now and then, until the clients are done."""
    caused: Counter[str] = Counter()
    while not is_over.wait(chance.uniform(0.1, pause)):
        # Two of the same subject at once would end a daemon that is not there.
        chosen = {trouble.subject: trouble for trouble in chance.sample(scene.troubles, chance.choice([1, 1, 2]))}
        with ExitStack() as ends:
            for trouble in chosen.values():
                ends.enter_context(trouble.cause())
                caused[f"{trouble.subject} {trouble.name}"] += 1
                is_over.wait(chance.uniform(0.1, 1) * trouble.longest)
    return caused


def ledgers(scene: Scene, is_over: threading.Event, timeout: float) -> list[dict[str, object] | None]:
    """What each client says at the end; `None` of one that failed."""
    deadline = time.monotonic() + timeout
    told: list[dict[str, object] | None] = []
    for client in scene.clients:
        try:
            output, _ = client.communicate(timeout=max(1, deadline - time.monotonic()))
            told.append(json.loads(output.splitlines()[-1]) if client.returncode == 0 else None)
        except subprocess.TimeoutExpired:
            told.append(None)
    is_over.set()
    return told


def report(told: list[dict[str, object] | None], caused: Counter[str], seconds: float) -> bool:
    """Prints the ledger.

    Returns:
        Whether it is right.
    """
    print(
        f"\n{'client':>6} {'submitted':>10} {'completed':>10} {'once':>10} {'sent':>8} {'again':>7} {'dropped':>8} breaks hangs"
    )
    is_right = True
    for number, ledger in enumerate(told):
        if ledger is None:
            print(f"{number:>6} did not finish")
            is_right = False
            continue
        stats = ledger["stats"]
        assert isinstance(stats, dict)
        print(
            f"{number:>6} {ledger['submitted']:>10} {ledger['completed']:>10} {ledger['once']:>10} {stats['sent']:>8} "
            f"{stats['resent']:>7} {stats['unawaited']:>8} {stats['breaks']:>6} {stats['hangs']:>5}"
        )
        for problem in ledger["problems"]:  # type: ignore[attr-defined]
            print(f"       {problem}")
        is_right &= ledger["submitted"] == ledger["completed"] == ledger["once"] and not ledger["problems"]
    print(
        f"\n{sum(caused.values())} troubles in {seconds:.0f} s: " + ", ".join(f"{n} x {k}" for k, n in sorted(caused.items()))
    )
    print("every batch was completed once, and right to the bit" if is_right else "NOT RIGHT")
    return is_right


def main() -> int:
    options = arguments()
    print(f"seed {options.seed}: {options.batches} batches, {options.clients} clients", flush=True)
    started = time.monotonic()
    with ExitStack() as stack:
        scene = Scene(options, stack)
        is_over = threading.Event()
        caused: list[Counter[str]] = []
        chance = random.Random(options.seed)
        for client in scene.clients:
            assert client.stdout is not None
            client.stdout.readline()  # it has begun
        troublemaker = threading.Thread(
            target=lambda: caused.append(make_trouble(scene, chance, options.pause, is_over)), daemon=True
        )
        troublemaker.start()
        told = ledgers(scene, is_over, options.timeout)
        troublemaker.join()
        is_right = report(told, caused[0], time.monotonic() - started)
        if deaths := scene.unasked_deaths():
            print("\n".join(deaths))
            is_right = False
    if not is_right:
        print(f"repeat it with --seed {options.seed}")
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
