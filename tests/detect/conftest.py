"""Exported networks with random weights, made once."""

import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory):
    """Model folder of a network, published and exported; made when it is first asked for."""
    root, made = tmp_path_factory.mktemp("models"), {}

    def find(kind, components="Z", step=256):
        from tests.detect.networks import published
        from tremorlab.detect.export import export

        if (kind, components) not in made:
            made[kind, components] = published(root, kind, components)
            export(made[kind, components], step)
        return made[kind, components]

    return find


@pytest.fixture(scope="session")
def detector_of(folder_of):
    """Detector of a network."""
    from tremorlab.detect.engine import Detector

    return lambda kind, components="Z": Detector(folder_of(kind, components))
