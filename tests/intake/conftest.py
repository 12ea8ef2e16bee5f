"""A new user's half hour, made once."""

import pytest

from tests.intake.made import bring


@pytest.fixture(scope="session")
def brought(tmp_path_factory):
    """Folder with ``waves/`` and ``events.csv``; not to be changed."""
    return bring(tmp_path_factory.mktemp("brought"))
