"""Compute with the vectors of texts: losses, and a linear head."""
