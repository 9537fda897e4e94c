"""What a model is worth on images of elsewhere: ``python -m training.external MODEL``.

OUT then holds ``predictions.csv`` (a row an image and model), ``coherence.csv`` (a row an image,
model and map) and ``summary.json``: figures with 95 % bootstrap intervals by patient, over all
images and by device. Nothing of the model, not even its temperature, is fitted to these images.
"""
