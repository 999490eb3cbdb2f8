"""Fine-tune a model on a task: files -> examples -> features -> losses -> predictions -> scores -> a report."""
