"""Rendering: a report in, text out."""
