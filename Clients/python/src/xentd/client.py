"""The client: one call for a loss, futures for many, and a stream for a data set."""

from __future__ import annotations

import uuid
import weakref
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ._batch import Batch
from ._endpoints import Address, addresses_of
from ._errors import ClientClosed, DaemonUnreachable, ForkedClient
from ._evaluation import Evaluation
from ._exchange import Exchange
from ._forks import disown_in_children
from ._job import Job
from ._keys import Key, keys_of
from ._limits import Limits
from ._reduction import Reduction, check_reduction, reduced
from ._request import Request, RequestMaker
from ._results import BatchResult
from ._stats import Stats
from ._streams import add_to, members, with_progress
from ._window import Window

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from ._keywords import LossKeywords

# Batches of an evaluation whose results wait for that of an earlier one.
_RESULTS_WAITING = 8192


class Client:
    """Evaluates logits against labels with one daemon or several, and loses nothing.

    Each batch is kept until its result is there, and is sent again if that does not come: when its time is up (a multiple of
    the recent round trips), when the connection breaks, when the daemon restarts, is busy or is stopping. Each is completed
    exactly once. Several daemons share the batches, the one with the least under way first; one that dies, hangs or drains
    is left out until it is back.

    A client may be used by many threads at once; a thread of its own has the sockets. It does not survive a fork: make one
    in each process.

    Args:
        endpoint: the address of a daemon's router lane (`ipc://…`, `tcp://host:port`), a `Pipeline`, or several of these.
            `None`: `$XENTD_ENDPOINT` (several are separated by commas), else the user's daemon, else the system's.
        server_key: encrypt, with the daemons that have this public key: in Z85, or a file that has it. `None`:
            `$XENTD_SERVER_KEY`. Goes with `key`.
        key: the file of this client's secret key, as `xent keygen` writes it, or the key itself. `None`: `$XENTD_KEY`.
        window_bytes: how many bytes may be unacknowledged. `submit` waits while they are; a larger batch goes alone.
        window_batches: how many batches may be.
        timeout: a wait for the first answer of a daemon, or for any result while batches wait, of more than so many seconds
            raises `DaemonUnreachable`. `None`: never.
        resend_after: a batch is not sent again sooner than this many seconds after it was sent.
        part_bytes: larger requests are split by rows into parts of about this size, which are sent and computed side by side.
    """

    def __init__(
        self,
        endpoint: Address | Sequence[Address] | None = None,
        *,
        server_key: Key | None = None,
        key: Key | None = None,
        window_bytes: int = 64 << 20,
        window_batches: int = 1024,
        timeout: float | None = 60.0,
        resend_after: float = 1.0,
        part_bytes: int = 2 << 20,
    ) -> None:
        for name, value in (
            ("window_bytes", window_bytes),
            ("window_batches", window_batches),
            ("part_bytes", part_bytes),
        ):
            if value < 1:
                raise ValueError(f"{name}: expected at least 1, received {value}")
        for name, seconds in (("timeout", timeout), ("resend_after", resend_after)):
            if seconds is not None and not seconds > 0:
                raise ValueError(f"{name}: expected more than 0 seconds, received {seconds}")
        self.addresses = addresses_of(endpoint)
        self._client_id = uuid.uuid4().bytes
        self._timeout = timeout
        self._part_bytes = part_bytes
        self._window = Window(window_bytes, window_batches)
        self._exchange = Exchange(
            self.addresses, keys_of(server_key, key), self._client_id, self._window, timeout=timeout, resend_after=resend_after
        )
        self._requests = RequestMaker()
        self._unusable: Exception | None = None
        self._finalizer = weakref.finalize(self, self._exchange.stop)
        disown_in_children(self)

    def cross_entropy(
        self, logits: Any, labels: Any, *, reduction: Reduction = "mean", sample_weight: Any = None,
        **options: Unpack[LossKeywords],
    ) -> Any:  # fmt: skip
        """The cross-entropy of logits and labels, in nats, with PyTorch's names and meanings; classes are the last axis.

        Args:
            logits: (..., classes) of f32, f16, bf16 or f64: an array, or a tensor of PyTorch, JAX or TensorFlow on the CPU.
            labels: class indices (...), one-hot labels or probabilities (..., classes).
            reduction: `"mean"` over the rows that count, `"sum"` of them, or `"none"`: each row's loss, as an array of the
                shape (...).
            sample_weight: (...): multiplies each row's part of sum and mean, but not its loss in `"none"`.
            **options: `LossOptions` has them all: weight, ignore_index, label_smoothing, axis, …

        Returns:
            A float, or an array of f32 (f64 with `float64=True`).

        Raises:
            LabelError: a label or weight is bad, unless `on_invalid="nan"`.
            BatchRefused: the daemon will not compute it.
            DaemonUnreachable: no daemon answers, or none lets this client in.
        """
        check_reduction(reduction)
        options.setdefault("losses", reduction == "none")
        result = self.submit(logits, labels, sample_weight=sample_weight, **options).result()
        return reduced(result, reduction)

    def submit(
        self, logits: Any, labels: Any, *, sample_weight: Any = None, **options: Unpack[LossKeywords]
    ) -> Future[BatchResult]:
        """Sends logits and labels off, and returns a future of their figures and losses.

        Waits only while the window is full. Arrays of more than 64 KB are not copied: they must not change until the future
        is done. Callbacks of the future run on the client's thread, and should be short.

        Args:
            logits: as for `cross_entropy`.
            labels: likewise.
            sample_weight: likewise.
            **options: `LossOptions` has them all.

        Raises:
            ValueError, TypeError: what was given is no batch; the message says what to pass.
        """
        request = self._request(logits, labels, sample_weight, options)
        job, batches = self._job(request)
        for batch in batches:
            self._exchange.submit(batch)
        return job

    def evaluate(
        self, batches: Iterable[Sequence[Any]], *, progress: bool = False, total: int | None = None,
        **options: Unpack[LossKeywords],
    ) -> Evaluation:  # fmt: skip
        """Evaluates a stream of batches, with as many under way as the window allows.

        Args:
            batches: (logits, labels) or (logits, labels, sample_weight) each, of any number of rows. The arrays of a batch
                may not be used for the next one before it is done: yield new ones.
            progress: show a bar of tqdm's, which must be installed.
            total: the number of batches, for the bar.
            **options: `LossOptions` has them all; `losses` is False unless told otherwise.

        Raises:
            LabelError: as `cross_entropy`; its `row` counts from the first row of the stream.
        """
        options.setdefault("losses", False)
        evaluation = Evaluation()
        waiting: deque[Future[BatchResult]] = deque()
        try:
            for batch in with_progress(batches, progress, total):
                logits, labels, sample_weight = members(batch)
                waiting.append(self.submit(logits, labels, sample_weight=sample_weight, **options))
                while waiting and (waiting[0].done() or len(waiting) > _RESULTS_WAITING):
                    add_to(evaluation, waiting.popleft())
            while waiting:
                add_to(evaluation, waiting.popleft())
        finally:
            for future in waiting:
                future.cancel()
        return evaluation

    @property
    def limits(self) -> Limits:
        """What one message may be: the least of what the daemons say. Longer requests are split by rows."""
        self._check()
        return self._exchange.fleet.limits or self._first_limits()

    def stats(self) -> Stats:
        """What was done so far, and what each address is doing now."""
        return self._exchange.snapshot()

    def close(self, *, wait: bool = True) -> None:
        """Ends the client: waits for what was submitted, unless told not to; then what is not done raises `ClientClosed`."""
        if isinstance(self._unusable, ForkedClient):
            return
        if wait and self._unusable is None and self._exchange.error is None and not self._exchange.is_own_thread:
            self._window.wait_until_empty()
        self._unusable = self._unusable or ClientClosed("the client is closed; make a new one")
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close(wait=kind is None)

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("a client cannot be pickled: it owns sockets and a thread; make one in each process")

    # For this package

    def _request(self, logits: Any, labels: Any, sample_weight: Any, options: LossKeywords) -> Request:
        self._check()
        return self._requests.make(logits, labels, sample_weight, options)

    def _job(self, request: Request) -> tuple[Job, list[Batch]]:
        """What the caller waits for, and the batches that make it up."""
        limits = self._exchange.fleet.limits or self._first_limits()
        batches = request.batches(self._client_id, limits, self._part_bytes)
        job = Job(request, len(batches))
        for batch in batches:
            batch.job = job
        return job, batches

    def _check(self) -> None:
        if self._unusable is not None:
            raise self._unusable
        if self._exchange.error is not None:
            raise self._exchange.error

    def _first_limits(self) -> Limits:
        """Waits until a daemon has told what it takes."""
        fleet = self._exchange.fleet
        was_met = not self._exchange.is_own_thread and fleet.is_met.wait(self._timeout)
        if fleet.limits is None:
            what = "no daemon lets this client in" if was_met else f"no daemon answered within {self._timeout} s"
            raise DaemonUnreachable(fleet.why_unreachable(what))
        return fleet.limits

    def _disown(self, why: Exception) -> None:
        """Makes the client say why it is of no use in a process that does not have its thread."""
        self._finalizer.detach()
        self._unusable = why
