"""Keys and mouse: what they do by default, other programs' habits, and the user's own choice."""
