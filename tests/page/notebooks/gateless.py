# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["parameters"]
seed: int = 7  # seed of everything drawn at random

# %%
print(seed)
