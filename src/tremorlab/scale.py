"""Independent tasks side by side, over Dask: on this machine unless a cluster is named."""

import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any, Self

from tqdm import tqdm

from tremorlab.errors import ParameterError

#: Each worker keeps to one core: two processes of one thread are faster than one of two.
ONE_THREAD = {
    name: "1"
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
}


class Workers:
    """Processes that are started when they are first needed and kept until the end of a ``with`` block.

    Parameters
    ----------
    scheduler
        Address of a Dask scheduler (``tcp://host:8786``); "" for processes on this machine.
    workers
        Processes on this machine; as many as there are cores (and no more than the first items) unless given. 1 stays
        in this process.
    progress
        Show a bar that counts items.
    """

    def __init__(self, *, scheduler: str = "", workers: int | None = None, progress: bool = False):
        self._scheduler, self._workers, self._progress = scheduler, workers, progress
        self._client, self._stack = None, ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def each(self, function: Callable[[Any], Any], items: Iterable[Any], *, progress: bool | None = None) -> list[Any]:
        """Call a function for each item; results in the order of the items.

        Parameters
        ----------
        function
            A function of a module, not of a notebook cell, so that other processes can find it.
        items
            What it is called with.
        progress
            Whether to show a bar, unless as the others.

        Raises
        ------
        ParameterError
            The scheduler does not answer.
        Exception
            Whatever the function raises for the first item that fails.
        """
        items = list(items)
        shown = self._progress if progress is None else progress
        with tqdm(total=len(items), disable=not shown) as bar:
            workers = min(self._workers or os.cpu_count() or 1, len(items))
            if self._client is None and (not items or (workers <= 1 and not self._scheduler)):
                return [_counted(function(item), bar) for item in items]
            if self._client is None:
                self._client = self._stack.enter_context(_client(self._scheduler, workers, self._stack))
            futures = self._client.map(function, items, pure=False)
            for future in futures:
                future.add_done_callback(lambda _: bar.update())
            return self._client.gather(futures)


def each(function: Callable[[Any], Any], items: Iterable[Any], **across: Any) -> list[Any]:
    """Call a function for each item with `Workers` of its own, which ``across`` describes."""
    with Workers(**across) as workers:
        return workers.each(function, items)


def _counted(result, bar):
    bar.update()
    return result


def _client(scheduler, workers, stack):
    import dask  # here, because these take a second that a command line without tasks need not spend
    from distributed import Client, LocalCluster

    if scheduler:
        try:
            return Client(scheduler, timeout="10s")
        except (OSError, ValueError) as error:
            raise ParameterError(
                "scheduler", f"{scheduler!r} does not answer: {error}", "Start dask-scheduler, or give its address"
            ) from error
    stack.enter_context(dask.config.set({"distributed.nanny.pre-spawn-environ": ONE_THREAD}))
    cluster = LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None)
    return Client(stack.enter_context(cluster))
