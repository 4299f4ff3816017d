"""Bad inputs of every kind, made by mutation, and what the commands say of them.

    python -m tests.bad_inputs --seed=0 --output=bad_inputs.json

Each case is a command with one thing wrong: a flag, a config, a picture, a data set, a file of
weights, a checkpoint, an export or the files of a run. The command must end with one line that says
what is wrong; see `outcome`. Mutations that did no harm are counted apart.
"""
