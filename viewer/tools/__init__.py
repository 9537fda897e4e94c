"""What the mouse does on a view, one tool a file."""
