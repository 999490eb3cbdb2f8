"""Run a training of any model: updates, processes, signals, checkpoints and the log."""
