# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["parameters"]
level: str = "low"  # low, high or broken
seed: int = 1  # added

# %% tags=["gate"]
from tremorlab.page.parameters import between, choice, gate

settings = gate(globals(), level=choice("low", "high", "broken"), seed=between(0, 9))

# %%
from myst_nb import glue

if settings.level == "broken":
    raise ValueError("this level does not work")
glue("result", {"low": 10, "high": 20}[settings.level] + settings.seed, display=False)
glue("word", f"level {settings.level}", display=False)
glue("table", object(), display=False)
