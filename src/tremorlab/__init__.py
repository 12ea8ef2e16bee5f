"""tremorlab: the working parts of the Tremor Compendium."""

from importlib.metadata import version

__version__ = version("tremorlab")
