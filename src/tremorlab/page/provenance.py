"""Where a figure comes from: data, code, seed and time, in one line."""

import hashlib
import resource
import sys
import time

import numpy as np

from tremorlab import __version__, paths
from tremorlab.fingerprint import of_arrays


def code_hash() -> str:
    """SHA-256 over the package's source files (name and content): what ran, whether or not it was committed."""
    digest = hashlib.sha256()
    for path in sorted(paths.PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(paths.PACKAGE).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


class Provenance:
    """Collects what stands under every figure of a page; made once, at the top of the page.

    Parameters
    ----------
    seed
        Seed of everything the page draws at random, or None when it draws nothing.
    """

    def __init__(self, seed: int | None = None):
        self.seed = seed
        self._code = code_hash()[:8]
        self._started = time.perf_counter()

    def line(self, *arrays: np.ndarray) -> str:
        """Describe a figure made from `arrays`: version, code, data, seed, seconds since the page began, memory."""
        parts = [f"tremorlab {__version__}", f"code {self._code}"]
        if arrays:
            parts.append(f"data {of_arrays(*arrays)[:8]}")
        if self.seed is not None:
            parts.append(f"seed {self.seed}")
        parts += [f"{time.perf_counter() - self._started:.0f} s", f"{peak_memory_mb():.0f} MB"]
        return " · ".join(parts)


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, in megabytes."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes on macOS, kilobytes on Linux
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
