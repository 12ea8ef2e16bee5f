"""obspy without its pickled streams.

obspy recognises that format by unpickling, so that any content which no other format knows runs the code in it. Nobody
needs pickled streams here, and so the format is taken out of obspy in every process that imports this package: at once
where obspy is there, and else as soon as it comes, since importing it takes longer than a command that needs none.
"""

import importlib.util
import sys
from importlib.abc import Loader, MetaPathFinder

_REGISTRY = "obspy.core.util.base"


def forget() -> None:
    """Take the format out of obspy, now or when it is imported."""
    if registry := sys.modules.get(_REGISTRY):
        registry.ENTRY_POINTS["waveform"].pop("PICKLE", None)
    elif not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds the registry of obspy's formats once, as any other finder would."""

    def find_spec(self, name, path=None, target=None):
        if name != _REGISTRY:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        spec.loader = _Loader(spec.loader)
        return spec


class _Loader(Loader):
    """Loads the registry, and takes the format out of it."""

    def __init__(self, own: Loader):
        self._own = own

    def create_module(self, spec):
        return self._own.create_module(spec)

    def exec_module(self, module):
        self._own.exec_module(module)
        forget()
