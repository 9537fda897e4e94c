"""A short tour of the window on the demo cases, once at the first start and from Help."""
