"""Scores of explanations and of classifiers."""
