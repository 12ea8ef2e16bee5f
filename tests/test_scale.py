"""Tasks side by side: order, errors, schedulers."""

import math
import os
import time

import pytest
from distributed import LocalCluster

from tremorlab.errors import DatasetError, ParameterError
from tremorlab.scale import ONE_THREAD, each


def own_process(item):
    time.sleep(0.05)
    return item, os.getpid(), {name: os.environ.get(name) for name in ONE_THREAD}


def fail(item):
    if item % 2:
        raise DatasetError(f"item {item}", "is odd", "Leave it out")
    return item


def test_one_worker_stays_in_this_process_and_none_is_needed_for_nothing(capsys):
    assert each(math.sqrt, [4, 9], workers=1) == [2.0, 3.0]
    assert each(math.sqrt, []) == []
    assert each(math.sqrt, [16], progress=True) == [4.0]
    assert "1/1" in capsys.readouterr().err


def test_processes_of_one_thread_share_the_items_and_keep_their_order():
    results = each(own_process, range(6), workers=2)
    assert [item for item, _, _ in results] == list(range(6))
    assert os.getpid() not in {process for _, process, _ in results}
    assert all(environment == ONE_THREAD for _, _, environment in results)


def test_a_scheduler_by_its_address_and_errors_come_through():
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        assert each(math.sqrt, [4, 9], scheduler=address) == [2.0, 3.0]
        with pytest.raises(DatasetError, match=r"item 1: is odd\. Leave it out"):
            each(fail, range(3), scheduler=address)


def test_errors_come_through_without_processes():
    with pytest.raises(DatasetError, match="item 1: is odd"):
        each(fail, range(3), workers=1)


def test_a_scheduler_that_does_not_answer_is_named():
    with pytest.raises(ParameterError, match=r"scheduler: 'nonsense://1' does not answer.*Start dask-scheduler"):
        each(math.sqrt, [4], scheduler="nonsense://1")
