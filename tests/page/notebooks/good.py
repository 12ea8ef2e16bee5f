# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A page that runs

# %% tags=["parameters"]
study: str = "redoubt_2009"  # name of a study
seed: int = 7  # seed of everything drawn at random
smoothing_s: float = 1.5  # seconds
period: str = "day"  # day, month or year
limits_hz: list[float] = [0.5, 8.0]  # band in Hz

# %% tags=["gate"]
from tremorlab.page.parameters import between, choice, gate, matching

settings = gate(
    globals(),
    study=matching("[a-z0-9_]+"),
    seed=between(0, 2**32 - 1),
    period=choice("day", "month", "year"),
    limits_hz=between(0.01, 12.5),
)
settings

# %%
import os
import sys

from myst_nb import glue

glue("drawn", settings.seed * 6, display=False)

# %%
print(os.getcwd(), os.environ["OMP_NUM_THREADS"], "MPLBACKEND" in os.environ and os.environ["MPLBACKEND"])
print("absl::InitializeLog: written to STDERR", file=sys.stderr)
