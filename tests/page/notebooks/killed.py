# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A page whose kernel is killed, as when memory runs out

# %%
import os
import signal

os.kill(os.getpid(), signal.SIGKILL)
