"""Fixtures for the whole suite."""

import os

import pytest
from hypothesis import settings

from tests.require import needs
from tremorlab import paths
from tremorlab.scale import ONE_THREAD

# Two files of tests side by side would fight for the cores; so early that no library has counted them yet.
for _name, _one in ONE_THREAD.items():
    os.environ.setdefault(_name, _one)

# A busy machine takes its time.
settings.register_profile("tremorlab", deadline=None)
settings.load_profile("tremorlab")


@pytest.fixture
def recordings():
    """Folder of real recordings (``TREMORLAB_DATA``)."""
    needs("data")
    return paths.recordings()
