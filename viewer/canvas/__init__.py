"""The views that show an image, its map and its masks."""
