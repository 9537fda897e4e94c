"""Data sets as lists of cases with label, patient and mask."""
