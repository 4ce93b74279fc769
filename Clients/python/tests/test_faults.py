"""What gets lost, late, doubled or refused on the way: each batch is completed exactly once, and rightly."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import wire

import xentd
from conftest import PATIENCE
from doubles import Double, Received, answer, numbered

Connect = Callable[..., xentd.Client]
Doubles = Callable[..., Double]
BATCHES = 60


def complete(client: xentd.Client, count: int = BATCHES) -> None:
    """Submits numbered batches, and checks that each future has the result of its own."""
    futures = [client.submit(*numbered(i + 1)) for i in range(count)]
    assert [future.result(PATIENCE).sum for future in futures] == list(range(1, count + 1))


def test_a_batch_whose_result_is_lost_is_sent_again(connect: Connect, double: Doubles) -> None:
    def script(request: Received) -> list[bytes]:
        return [] if request.number % 3 == 0 and request.count == 1 else answer(request)

    lossy = double(script)
    client = connect(lossy.endpoint, resend_after=0.05)
    complete(client)
    stats = client.stats()
    assert stats.completed == stats.submitted == BATCHES
    assert stats.resent >= BATCHES // 3
    assert all(lossy.received[number] >= 2 for number in range(3, BATCHES, 3))


def test_the_last_batch_of_all_is_sent_again_too(connect: Connect, double: Doubles) -> None:
    lossy = double(lambda request: [] if request.count == 1 else answer(request))
    client = connect(lossy.endpoint, resend_after=0.05)
    # Nothing else is under way, so it is asked first whether the daemon is there; it is.
    started = time.monotonic()
    assert client.submit(*numbered(7)).result(PATIENCE).sum == 7
    assert time.monotonic() - started < PATIENCE


def test_a_result_that_comes_twice_completes_its_batch_once(connect: Connect, double: Doubles) -> None:
    client = connect(double(lambda request: answer(request) * 2).endpoint)
    completions: list[float] = []
    futures = [client.submit(*numbered(i + 1)) for i in range(BATCHES)]
    for future in futures:
        future.add_done_callback(lambda done: completions.append(done.result().sum))
    assert [future.result(PATIENCE).sum for future in futures] == list(range(1, BATCHES + 1))
    complete(client, 1)  # behind all that came twice but itself
    assert sorted(completions) == list(range(1, BATCHES + 1))
    assert client.stats().unawaited >= BATCHES


def test_a_late_result_is_welcome_and_its_successor_is_dropped(connect: Connect, double: Doubles) -> None:
    held: list[Received] = []
    released = threading.Event()

    def script(request: Received) -> Iterator[bytes]:
        if request.count == 1:
            held.append(request)
            return
        # The second attempt has come: now the first is answered, before it.
        yield held[0].result()
        yield request.result()
        released.set()

    client = connect(double(script).endpoint, resend_after=0.05)
    assert client.submit(*numbered(5)).result(PATIENCE).sum == 5
    assert released.wait(PATIENCE)
    until(lambda: client.stats().unawaited == 1)
    assert client.stats().completed == 1


def test_results_of_another_client_are_dropped_and_counted(connect: Connect, double: Doubles) -> None:
    def script(request: Received) -> list[bytes]:
        return [request.result(client=b"somebody else's."), *answer(request)]

    client = connect(double(script).endpoint)
    complete(client)
    assert client.stats().foreign == BATCHES


@pytest.mark.parametrize(
    "garbage",
    [b"", b"XENT", bytes(160), b"XENT\x02" + bytes(155), b"\xff" * 400],
    ids=["empty", "short", "zeros", "version", "ones"],
)
def test_what_is_no_result_is_dropped_and_counted(connect: Connect, double: Doubles, garbage: bytes) -> None:
    client = connect(double(lambda request: [garbage, *answer(request)]).endpoint)
    complete(client)
    assert client.stats().unreadable == BATCHES


def test_a_result_that_is_cut_short_does_not_count(connect: Connect, double: Doubles) -> None:
    def script(request: Received) -> list[bytes]:
        return [request.result()[:-1]] if request.count == 1 else answer(request)

    client = connect(double(script).endpoint)
    complete(client, 5)
    assert client.stats().unreadable == 5


def test_a_busy_daemon_is_given_the_time_it_asks_for(connect: Connect, double: Doubles) -> None:
    times: dict[float, list[float]] = {}

    def script(request: Received) -> list[bytes]:
        times.setdefault(request.number, []).append(time.monotonic())
        if request.count <= 2:
            return [request.result(status=wire.STATUS["BUSY"], message="busy", retry_after=100)]
        return answer(request)

    client = connect(double(script).endpoint)
    complete(client, 1)
    first, second, third = times[1]
    assert second - first >= 0.1
    assert third - second >= 0.2  # twice as long, for it was asked in vain
    assert client.stats().busy == 2


def test_batches_of_a_draining_daemon_go_to_another(connect: Connect, double: Doubles) -> None:
    draining = double(lambda request: [request.result(status=wire.STATUS["DRAINING"], message="stopping")], instance=1)
    other = double(instance=2)
    client = connect([draining.endpoint, other.endpoint])
    draining.is_draining = True
    complete(client)
    stats = client.stats()
    assert stats.addresses[draining.endpoint] == "is stopping"
    assert sum(other.received.values()) == BATCHES


def test_a_daemon_that_drains_no_more_is_used_again(connect: Connect, double: Doubles) -> None:
    def script(request: Received) -> list[bytes]:
        if request.double.is_draining:
            return [request.result(status=wire.STATUS["DRAINING"], message="stopping", notes=0x8000)]
        return answer(request)

    only = double(script)
    client = connect(only.endpoint)
    complete(client, 1)
    only.is_draining = True
    future = client.submit(*numbered(9))
    until(lambda: client.stats().draining > 0)
    assert not future.done()
    only.is_draining = False
    assert future.result(PATIENCE).sum == 9


def test_faults_of_the_daemon_are_tried_again_but_not_for_ever(connect: Connect, double: Doubles) -> None:
    def script(request: Received) -> list[bytes]:
        fails = request.number == 2 or request.count <= 2
        return [request.result(status=wire.STATUS["INTERNAL"], message="no memory")] if fails else answer(request)

    client = connect(double(script).endpoint)
    complete(client, 1)
    with pytest.raises(xentd.BatchRefused, match="INTERNAL: no memory") as caught:
        client.submit(*numbered(2)).result(PATIENCE)
    assert caught.value.status is xentd.Status.INTERNAL


def test_a_batch_that_is_refused_for_good_is_not_sent_again(connect: Connect, double: Doubles) -> None:
    refusing = double(lambda request: [request.result(status=wire.STATUS["BAD_OPTION"], message="temperature: ...")])
    client = connect(refusing.endpoint)
    with pytest.raises(xentd.BatchRefused, match="BAD_OPTION: temperature"):
        client.submit(*numbered(2)).result(PATIENCE)
    assert refusing.received[2] == 1
    assert client.stats().failed == 1


def test_a_status_that_nobody_knows_is_an_error(connect: Connect, double: Doubles) -> None:
    client = connect(double(lambda request: [request.result(status=99, message="?")]).endpoint)
    with pytest.raises(xentd.XentError, match="status 99"):
        client.submit(*numbered(2)).result(PATIENCE)


def test_a_daemon_that_was_replaced_unseen_gets_its_batches_again(connect: Connect, double: Doubles) -> None:
    """As behind a proxy: the connection stays, and what the old instance had is gone."""
    swallowed = threading.Event()

    def script(request: Received) -> list[bytes]:
        if request.number < 4 and request.count == 1:
            if request.number == 3:
                swallowed.set()
            return []
        return answer(request)

    replaced = double(script, instance=1)
    client = connect(replaced.endpoint, resend_after=PATIENCE * 2)  # time alone would not do it
    complete_one = client.submit(*numbered(10))
    assert complete_one.result(PATIENCE).sum == 10
    futures = [client.submit(*numbered(i)) for i in (1, 2, 3)]
    assert swallowed.wait(PATIENCE)
    replaced.instance = 2
    assert client.submit(*numbered(11)).result(PATIENCE).sum == 11
    assert [future.result(PATIENCE).sum for future in futures] == [1, 2, 3]
    assert client.stats().restarts == 1


def test_daemons_in_turn_behind_one_address_are_no_restarts(connect: Connect, double: Doubles) -> None:
    def script(request: Received) -> list[bytes]:
        return [request.result(instance=1 + int(request.number) % 2)]

    client = connect(double(script).endpoint)
    complete(client)
    complete(client)
    stats = client.stats()
    assert stats.restarts == 1  # the second, when it was first seen
    assert stats.resent < BATCHES


def test_a_broken_connection_has_its_batches_sent_again(connect: Connect, double: Doubles) -> None:
    def script(request: Received) -> list[bytes]:
        if request.number == 20 and request.count == 1:
            request.double.drop_connections()
            return []
        return answer(request)

    client = connect(double(script).endpoint, resend_after=PATIENCE * 2)
    complete(client)
    assert client.stats().breaks >= 1


def test_a_batch_that_breaks_every_connection_fails_and_no_other_does(connect: Connect, double: Doubles) -> None:
    def script(request: Received) -> list[bytes]:
        if request.number == 13:
            request.double.drop_connections()
            return []
        return answer(request)

    breaking = double(script)
    client = connect(breaking.endpoint, resend_after=PATIENCE * 2)
    futures = [client.submit(*numbered(i)) for i in range(1, 31)]
    for number, future in enumerate(futures, 1):
        if number == 13:
            with pytest.raises(xentd.BatchUndeliverable, match="3 times with nothing beside it"):
                future.result(PATIENCE)
        else:
            assert future.result(PATIENCE).sum == number
    complete(client, 12)
    assert breaking.received[13] <= 8


def test_a_daemon_that_hangs_is_left_out_until_it_answers(connect: Connect, double: Doubles) -> None:
    hangs = threading.Event()

    def script(request: Received) -> list[bytes]:
        return [] if hangs.is_set() else answer(request)

    hanging, other = double(script, instance=1), double(instance=2)
    client = connect([hanging.endpoint, other.endpoint], resend_after=0.1)
    until(lambda: set(client.stats().addresses.values()) == {"ready"})
    complete(client)
    assert sum(hanging.received.values()) > 0
    hangs.set()
    hanging.answers_info = False
    complete(client)
    assert client.stats().addresses[hanging.endpoint] != "ready"
    served = sum(other.received.values())
    complete(client)
    assert sum(other.received.values()) == served + BATCHES
    hangs.clear()
    hanging.answers_info = True
    until(lambda: client.stats().addresses[hanging.endpoint] == "ready")
    before = sum(hanging.received.values())
    complete(client)
    assert sum(hanging.received.values()) > before


def test_the_one_with_the_least_under_way_gets_the_next_batch(connect: Connect, double: Doubles) -> None:
    release = threading.Event()
    held: list[tuple[Double, Received]] = []

    def slow(request: Received) -> list[bytes]:
        if release.is_set():
            return answer(request)
        held.append((request.double, request))
        return []

    slow_one, quick = double(slow, instance=1), double(instance=2)
    client = connect([slow_one.endpoint, quick.endpoint], resend_after=PATIENCE * 2)
    until(lambda: set(client.stats().addresses.values()) == {"ready"})
    futures = []
    for number in range(1, 41):  # one after the other: whatever the slow one has stays under way
        futures.append(client.submit(*numbered(number)))
        until(lambda futures=futures: sum(not future.done() for future in futures) <= 1)
    assert len(held) == 1
    release.set()
    for _, request in held:
        slow_one.send(request, request.result())
    assert [future.result(PATIENCE).sum for future in futures] == list(range(1, 41))


def test_nobody_waits_for_ever_where_nothing_answers(connect: Connect, double: Doubles) -> None:
    silent = double(lambda _: [])
    client = connect(silent.endpoint, timeout=0.5, resend_after=0.05)
    with pytest.raises(xentd.DaemonUnreachable, match=r"no result came for 0.5 s though 1 batches wait"):
        client.submit(*numbered(1)).result(PATIENCE)
    silent.script = answer
    assert client.submit(*numbered(2)).result(PATIENCE).sum == 2


def test_an_address_without_a_daemon_is_an_error_that_names_it(connect: Connect, tmp_path: Any) -> None:
    client = connect(f"ipc://{tmp_path}/nobody", timeout=0.2)
    with pytest.raises(
        xentd.DaemonUnreachable, match=r"nobody is not connected; is a daemon running there\? Start one with `xentd`"
    ):
        client.cross_entropy(*numbered(1))


def test_a_broken_info_is_no_reason_to_fall_over(connect: Connect, double: Doubles) -> None:
    odd = double()
    odd.limits = []  # type: ignore[assignment]
    client = connect(odd.endpoint, timeout=0.3)
    with pytest.raises(xentd.DaemonUnreachable):
        client.cross_entropy(*numbered(1))


def test_the_window_holds_submitters_back(connect: Connect, double: Doubles) -> None:
    held: list[Received] = []
    holding = double(lambda request: held.append(request) or [])
    client = connect(holding.endpoint, window_batches=4, resend_after=PATIENCE * 2)
    futures = []
    submitter = threading.Thread(target=lambda: futures.extend(client.submit(*numbered(i)) for i in range(1, 9)))
    submitter.start()
    until(lambda: len(held) == 4)
    submitter.join(0.1)
    assert submitter.is_alive()
    assert len(held) == 4
    holding.script = answer
    for request in list(held):
        holding.send(request, request.result())
    submitter.join(PATIENCE)
    assert [future.result(PATIENCE).sum for future in futures] == list(range(1, 9))


def test_a_batch_larger_than_the_window_goes_alone(connect: Connect, double: Doubles) -> None:
    client = connect(double().endpoint, window_bytes=64)
    complete(client, 5)


def test_a_cancelled_batch_is_dropped_and_harms_no_other(connect: Connect, double: Doubles) -> None:
    held: list[Received] = []
    holding = double(lambda request: held.append(request) or [])
    client = connect(holding.endpoint, resend_after=PATIENCE * 2)
    first, second = client.submit(*numbered(1)), client.submit(*numbered(2))
    until(lambda: len(held) == 2)
    assert first.cancel()
    for request in held:
        holding.send(request, request.result())
    assert second.result(PATIENCE).sum == 2
    until(lambda: client.stats().completed == 2)


def test_large_batches_are_sent_again_whole(connect: Connect, double: Doubles) -> None:
    client = connect(double(lambda request: [] if request.count == 1 else answer(request)).endpoint, resend_after=0.05)
    logits, labels = numbered(4, rows=1000, classes=50)
    result = client.submit(logits, labels).result(PATIENCE)
    assert result.losses is not None
    assert np.array_equal(result.losses, np.full(1000, 4, np.float32))


def until(condition: Callable[[], bool]) -> None:
    """Waits for something that other threads bring about."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.002)
