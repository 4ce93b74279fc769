"""The client for asyncio: the same, awaited."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ._endpoints import Address
from ._errors import LabelError
from ._evaluation import Evaluation
from ._limits import Limits
from ._reduction import Reduction, check_reduction, reduced
from ._results import BatchResult
from ._stats import Stats
from ._streams import members, with_progress
from .client import Client

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from ._keywords import LossKeywords


class AsyncClient:
    """A `Client` whose calls are awaited. What it is given is the same; nothing blocks the event loop but the conversion of
    arrays that need one.

    `cross_entropy` and `evaluate` are as those of `Client`; `submit` waits for room in the window, and returns a future.
    """

    def __init__(self, endpoint: Address | Sequence[Address] | None = None, **settings: Any) -> None:
        self._client = Client(endpoint, **settings)

    async def submit(
        self, logits: Any, labels: Any, *, sample_weight: Any = None, **options: Unpack[LossKeywords]
    ) -> asyncio.Future[BatchResult]:
        """Sends logits and labels off as soon as there is room, and returns a future of their figures and losses."""
        client = self._client
        request = client._request(logits, labels, sample_weight, options)
        if client._exchange.fleet.limits is None:
            await asyncio.to_thread(client._first_limits)
        job, batches = client._job(request)
        window = client._window
        for batch in batches:
            while not window.try_enter(batch.byte_count):
                await asyncio.wrap_future(window.room(batch.byte_count))
            client._exchange.accept(batch)
        return asyncio.wrap_future(job)

    async def cross_entropy(
        self, logits: Any, labels: Any, *, reduction: Reduction = "mean", sample_weight: Any = None,
        **options: Unpack[LossKeywords],
    ) -> Any:  # fmt: skip
        """As `Client.cross_entropy`."""
        check_reduction(reduction)
        options.setdefault("losses", reduction == "none")
        future = await self.submit(logits, labels, sample_weight=sample_weight, **options)
        return reduced(await future, reduction)

    async def evaluate(
        self, batches: Iterable[Sequence[Any]] | AsyncIterable[Sequence[Any]], *, progress: bool = False,
        total: int | None = None, **options: Unpack[LossKeywords],
    ) -> Evaluation:  # fmt: skip
        """As `Client.evaluate`; takes asynchronous iterables too."""
        options.setdefault("losses", False)
        evaluation = Evaluation()
        waiting: deque[asyncio.Future[BatchResult]] = deque()
        try:
            async for batch in _asynchronous(batches, progress, total):
                logits, labels, sample_weight = members(batch)
                waiting.append(await self.submit(logits, labels, sample_weight=sample_weight, **options))
                while waiting and waiting[0].done():
                    await _add(evaluation, waiting.popleft())
            while waiting:
                await _add(evaluation, waiting.popleft())
        finally:
            for future in waiting:
                future.cancel()
        return evaluation

    @property
    def limits(self) -> Limits:
        """As `Client.limits`."""
        return self._client.limits

    def stats(self) -> Stats:
        """As `Client.stats`."""
        return self._client.stats()

    async def close(self, *, wait: bool = True) -> None:
        """As `Client.close`."""
        await asyncio.to_thread(self._client.close, wait=wait)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close(wait=kind is None)


async def _add(evaluation: Evaluation, future: asyncio.Future[BatchResult]) -> None:
    try:
        evaluation.add(await future)
    except LabelError as error:
        raise error.counted_from(evaluation.rows) from None


async def _asynchronous(batches: Any, progress: bool, total: int | None) -> AsyncIterator[Any]:
    if hasattr(batches, "__aiter__"):
        async for batch in batches:
            yield batch
    else:
        for batch in with_progress(batches, progress, total):
            yield batch
