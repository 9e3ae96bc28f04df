"""Fuzzing of every parser that faces what is not ours: one table, one small engine."""
