"""Exported networks with random weights, made once."""

from tests.detect.conftest import detector_of, folder_of  # noqa: F401
