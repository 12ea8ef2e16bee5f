"""One cache for all tests of a module, and nothing that was shipped."""

import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tremorlab.experiment import store


@pytest.fixture(scope="package")
def cache(tmp_path_factory):
    """Folder of the cache, with the twins and trainings of earlier tests in it."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("TREMORLAB_CACHE", str(folder))
        patch.setattr(store, "SHIPPED", folder / "shipped")
        yield folder
