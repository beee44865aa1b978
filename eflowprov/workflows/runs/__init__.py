"""`run`: every step in order, with a journal, and never twice for one certificate."""
