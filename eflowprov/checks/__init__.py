"""Judgement: facts in, findings out."""
