"""Fixtures for the whole suite."""

import pytest
from hypothesis import settings

from tests.require import needs
from tremorlab import paths

# A busy machine takes its time.
settings.register_profile("tremorlab", deadline=None)
settings.load_profile("tremorlab")


@pytest.fixture
def recordings():
    """Folder of real recordings (``TREMORLAB_DATA``)."""
    needs("data")
    return paths.recordings()
