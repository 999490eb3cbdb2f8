"""Define the optimizer, its groups of parameters and its learning rates."""
