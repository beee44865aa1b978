"""The only rooms that order steps and write files."""
