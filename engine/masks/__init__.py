"""Masks as data: editing, history, autosave, export and import. No Qt."""
