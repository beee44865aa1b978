"""The door to disk: files appear whole or not at all, keys owner-only; locks, workrooms, the transcript."""
