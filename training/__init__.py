"""Fit models, cross-validate them, make phantoms. Run as ``python -m training.NAME``."""
