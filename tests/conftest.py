"""Fixtures for the whole suite."""

import pytest

from tests.require import needs
from tremorlab import paths


@pytest.fixture
def recordings():
    """Folder of real recordings (``TREMORLAB_DATA``)."""
    needs("data")
    return paths.recordings()
