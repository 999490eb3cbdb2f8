"""The optimizer, its groups of parameters and its learning rates."""
