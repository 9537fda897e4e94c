"""The settings dialog: one page a file; every choice takes effect at once and is remembered."""
