"""Measuring on an image: lengths, angles, areas and what the pixels of a region hold."""
