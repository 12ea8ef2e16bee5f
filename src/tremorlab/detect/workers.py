"""Processes that are kept between the steps of a run: starting them anew costs more than a station-day."""

import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any, Self

from tqdm import tqdm

from tremorlab import scale

#: Dask's workers note a hundred times a second what they are doing: over a tenth of the time of a station-day.
UNWATCHED = {"distributed.worker.profile.enabled": False}


class Workers:
    """Processes that are started when they are first needed and end with a ``with`` block.

    Parameters
    ----------
    scheduler, workers, progress
        As `tremorlab.scale.each` takes them; there are no more processes than the first step has items.
    """

    def __init__(self, *, scheduler: str = "", workers: int | None = None, progress: bool = False):
        self._scheduler, self._workers, self._progress = scheduler, workers, progress
        self._client, self._stack = None, ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def each(self, function: Callable[[Any], Any], items: Iterable[Any], *, progress: bool | None = None) -> list[Any]:
        """Call a function for each item, as `tremorlab.scale.each` does.

        Parameters
        ----------
        function, items
            As there.
        progress
            Whether to show a bar in this step, unless as in the others.
        """
        items = list(items)
        shown = self._progress if progress is None else progress
        with tqdm(total=len(items), disable=not shown) as bar:
            workers = min(self._workers or os.cpu_count() or 1, len(items))
            if self._client is None and (not items or (workers <= 1 and not self._scheduler)):
                return [scale._counted(function(item), bar) for item in items]
            if self._client is None:
                self._client = self._started(workers)
            futures = self._client.map(function, items, pure=False)
            for future in futures:
                future.add_done_callback(lambda _: bar.update())
            return self._client.gather(futures)

    def _started(self, workers):
        import dask  # here, because these take a second that a command line without tasks need not spend
        import distributed  # noqa: F401  which gives Dask the defaults that are changed here

        self._stack.enter_context(dask.config.set(UNWATCHED))
        return self._stack.enter_context(scale._client(self._scheduler, workers, self._stack))
