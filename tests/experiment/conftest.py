"""One cache for all tests of a module, and nothing that was shipped."""

import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tremorlab import paths
from tremorlab.experiment import store


@pytest.fixture(scope="package")
def cache(tmp_path_factory):
    """Folder of the cache, with the twins and trainings of earlier tests in it; processes share the twins."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("TREMORLAB_CACHE", str(folder))
        if "PYTEST_XDIST_WORKER" in os.environ:
            twins = tmp_path_factory.getbasetemp().parent / "twins"
            twins.mkdir(exist_ok=True)
            paths.derived().mkdir()
            (paths.derived() / "twins").symlink_to(twins)
        patch.setattr(store, "SHIPPED", folder / "shipped")
        yield folder
