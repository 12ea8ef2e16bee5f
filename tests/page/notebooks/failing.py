# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A page whose third code cell fails

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
catalogue = []

# %%
raise ValueError("tremor catalogue is empty\nand a second line")

# %%
never = "reached"
