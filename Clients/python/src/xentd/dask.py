"""Past one machine: a Dask cluster evaluates, each worker with a daemon of its own machine, and the parts are merged exactly.

Needs Dask: `pip install 'xentd[dask]'`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ._endpoints import Address
from ._evaluation import Evaluation
from ._keys import Key
from ._streams import members
from .client import Client

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._keywords import LossKeywords

_Endpoint = Address | Sequence[Address] | None
# Addresses and keys.
_Where = tuple[_Endpoint, Key | None, Key | None]


def evaluate(
    logits: Any, labels: Any, *, sample_weight: Any = None, endpoint: _Endpoint = None, server_key: Key | None = None,
    key: Key | None = None, **options: Unpack[LossKeywords],
) -> Any:  # fmt: skip
    """Evaluates a Dask array of logits, block by block, where its blocks are.

    Args:
        logits: a Dask array of (rows, classes); blocks of rows, each with all classes (`logits.rechunk({1: -1})`).
        labels: a Dask array of (rows,) or (rows, classes); it is given the rows' blocks of `logits`.
        sample_weight: a Dask array of (rows,), or nothing.
        endpoint: as for `Client`, and looked up on each worker: `None` is `$XENTD_ENDPOINT` there, else the machine's daemon.
        server_key: likewise. A file is read on each worker.
        key: likewise; better a file than the key itself, which would travel in the task graph.
        **options: `LossOptions` has them all.

    Returns:
        A `dask.delayed` object; `.compute()` gives the `Evaluation`. It has the same bits whatever workers do which block, in
        whatever order, and however often: what a lost worker had done is done again.

    Raises:
        ValueError: the arrays are no Dask arrays of rows, or their shapes do not fit.
    """
    for name, array in (("logits", logits), ("labels", labels), ("sample_weight", sample_weight)):
        if array is not None and not hasattr(array, "to_delayed"):
            raise ValueError(f"{name}: expected a Dask array, received {type(array).__name__}; xentd.Client takes others")
    if logits.ndim != 2 or logits.numblocks[1] != 1:
        raise ValueError(
            f"logits: expected (rows, classes) with all classes of a row in one block, received the shape {logits.shape} in "
            f"{logits.numblocks} blocks; use logits.rechunk({{1: -1}})"
        )
    parts = [logits.to_delayed().ravel()]
    for name, array in (("labels", labels), ("sample_weight", sample_weight)):
        if array is None:
            continue
        if array.shape[0] != logits.shape[0]:
            raise ValueError(f"{name}: expected {logits.shape[0]} rows as logits have, received {array.shape[0]}")
        by_rows = array.rechunk({0: logits.chunks[0], **({1: -1} if array.ndim == 2 else {})})
        parts.append(by_rows.to_delayed().ravel())
    return evaluate_blocks(zip(*parts, strict=True), endpoint=endpoint, server_key=server_key, key=key, **options)


def evaluate_blocks(
    blocks: Iterable[Sequence[Any]], *, endpoint: _Endpoint = None, server_key: Key | None = None, key: Key | None = None,
    **options: Unpack[LossKeywords],
) -> Any:  # fmt: skip
    """Evaluates any blocks: (logits, labels) or (logits, labels, sample_weight) each, delayed objects or arrays.

    Blocks are evaluated where Dask puts them, and merged in a tree.

    Returns:
        A `dask.delayed` object; `.compute()` gives the `Evaluation`.
    """
    from dask.delayed import delayed  # noqa: PLC0415 # only for those who have it

    where = (tuple(endpoint) if isinstance(endpoint, list) else endpoint, server_key, key)
    evaluations = [delayed(_evaluate_block, pure=True)(where, dict(options), *members(block)) for block in blocks]
    if not evaluations:
        return delayed(Evaluation)()
    while len(evaluations) > 1:
        evaluations = [delayed(_merge, pure=True)(evaluations[i : i + 8]) for i in range(0, len(evaluations), 8)]
    return evaluations[0]


def _evaluate_block(where: _Where, options: LossKeywords, logits: Any, labels: Any, sample_weight: Any) -> Evaluation:
    return _client_here(where).evaluate([(logits, labels, sample_weight)], **options)


def _merge(evaluations: list[Evaluation]) -> Evaluation:
    merged = Evaluation()
    for evaluation in evaluations:
        merged.merge(evaluation)
    return merged


# One client for each process and its addresses and keys, which the process's tasks share; made anew after a fork.
_clients: dict[tuple[int, _Where], Client] = {}
_lock = threading.Lock()


def _client_here(where: _Where) -> Client:
    with _lock:
        client = _clients.get((os.getpid(), where))
        if client is None:
            endpoint, server_key, key = where
            client = _clients[os.getpid(), where] = Client(endpoint, server_key=server_key, key=key)
        return client
