"""Read the files of tasks into rows, each with its place."""
