"""Files to images: readers, grouping, windowing, and the way to model input and back."""
