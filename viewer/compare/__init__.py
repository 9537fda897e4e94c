"""Views side by side: other series, other checkpoints, and what they have in common."""
