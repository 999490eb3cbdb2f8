"""Define the tasks, one small piece each, and what all of them share."""
