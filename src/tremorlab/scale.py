"""Independent tasks side by side, over Dask: on this machine unless a cluster is named."""

import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any

from tqdm import tqdm

from tremorlab.errors import ParameterError

#: Each worker keeps to one core: two processes of one thread are faster than one of two.
ONE_THREAD = {
    name: "1"
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
}


def each(
    function: Callable[[Any], Any],
    items: Iterable[Any],
    *,
    scheduler: str = "",
    workers: int | None = None,
    progress: bool = False,
) -> list[Any]:
    """Call a function for each item in processes of their own; results in the order of the items.

    Parameters
    ----------
    function
        A function of a module, not of a notebook cell, so that other processes can find it.
    items
        What it is called with.
    scheduler
        Address of a Dask scheduler (``tcp://host:8786``); "" for processes on this machine.
    workers
        Processes on this machine; as many as there are cores (and no more than items) unless given. 1 stays in this
        process.
    progress
        Show a bar that counts items.

    Raises
    ------
    ParameterError
        The scheduler does not answer.
    Exception
        Whatever the function raises for the first item that fails.
    """
    items = list(items)
    workers = min(workers or os.cpu_count() or 1, len(items))
    bar = tqdm(total=len(items), disable=not progress)
    with ExitStack() as stack:
        stack.enter_context(bar)
        if workers <= 1 and not scheduler:
            return [_counted(function(item), bar) for item in items]
        client = stack.enter_context(_client(scheduler, workers, stack))
        futures = client.map(function, items, pure=False)
        for future in futures:
            future.add_done_callback(lambda _: bar.update())
        return client.gather(futures)


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
