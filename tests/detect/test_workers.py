"""Processes that are kept between steps."""

import math
import os
import time

import dask
import pytest

from tremorlab.detect.workers import Workers
from tremorlab.errors import ParameterError
from tremorlab.scale import ONE_THREAD


def own_process(item):
    time.sleep(0.05)
    environment = {name: os.environ.get(name) for name in ONE_THREAD}
    return item, os.getpid(), environment, dask.config.get("distributed.worker.profile.enabled")


def test_they_are_the_same_in_every_step_and_end_with_the_block():
    with Workers(workers=2) as workers:
        found = [workers.each(own_process, range(8)) for _ in range(2)]
        used = {process for step in found for _, process, *_ in step}
        assert [[item for item, *_ in step] for step in found] == [list(range(8))] * 2
        assert all(environment == ONE_THREAD and not watched for step in found for _, _, environment, watched in step)
        assert len(used) == 2
        [(_, alone, *_)] = workers.each(own_process, [0])  # one item, and not in this process
        assert alone in used
    for process in used:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_one_worker_stays_in_this_process_and_none_is_needed_for_nothing(capsys):
    with Workers(workers=1, progress=True) as workers:
        assert workers.each(math.sqrt, [4, 9]) == [2.0, 3.0]
        assert "2/2" in capsys.readouterr().err
        assert workers.each(math.sqrt, [16], progress=False) == [4.0]
        assert capsys.readouterr().err == ""
        assert workers.each(math.sqrt, []) == []


def test_a_scheduler_that_does_not_answer_is_named():
    with (
        Workers(scheduler="nonsense://1") as workers,
        pytest.raises(ParameterError, match=r"scheduler: 'nonsense://1' does not answer.*Start dask-scheduler"),
    ):
        workers.each(math.sqrt, [4])
