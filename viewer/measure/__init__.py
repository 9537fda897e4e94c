"""Measuring in the window: tools, what is painted, the list, and where it is kept."""
