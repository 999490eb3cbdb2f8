"""ELECTRA's pre-training: its configuration, its networks, its figures, and the run."""
