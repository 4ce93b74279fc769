"""xentd: softmax cross-entropy from a daemon, with a client that loses nothing.

import xentd
with xentd.Client() as client:
    loss = client.cross_entropy(logits, labels)
"""

from __future__ import annotations

from ._errors import (
    BatchRefused,
    BatchUndeliverable,
    ClientClosed,
    DaemonUnreachable,
    ForkedClient,
    LabelError,
    XentError,
)
from ._evaluation import Evaluation, ExactSum
from ._lane import Pipeline
from ._limits import Limits
from ._options import LossOptions
from ._results import BatchResult
from ._stats import Stats
from ._wire import Status, Verdict
from .aio import AsyncClient
from .client import Client

__all__ = [
    "AsyncClient",
    "BatchRefused",
    "BatchResult",
    "BatchUndeliverable",
    "Client",
    "ClientClosed",
    "DaemonUnreachable",
    "Evaluation",
    "ExactSum",
    "ForkedClient",
    "LabelError",
    "Limits",
    "LossOptions",
    "Pipeline",
    "Stats",
    "Status",
    "Verdict",
    "XentError",
]

__version__ = "0.1.0"
