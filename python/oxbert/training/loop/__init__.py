"""A training run, whatever is trained: updates, processes, signals, checkpoints and the log."""
