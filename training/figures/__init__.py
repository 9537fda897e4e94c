"""Figures on paper: each function takes plain data and returns a matplotlib figure."""
