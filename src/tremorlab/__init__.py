"""tremorlab: the working parts of the Tremor Compendium."""

import os
from importlib.metadata import version

from tremorlab import pickles

# TensorFlow leaves these kernels off on processors without AVX-512, where they train twice as fast all the same. It
# reads the variable when it is imported, which must be later.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

pickles.forget()

__version__ = version("tremorlab")
