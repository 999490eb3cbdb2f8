"""Distil a masked LM into a smaller one: a student of the teacher's layers -> masked texts -> losses -> a model."""
