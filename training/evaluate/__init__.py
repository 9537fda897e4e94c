"""What the paper measures of a finished cross-validation: ``python -m training.evaluate RUN``.

Every image is explained by the model of the fold that held it out. RUN/evaluation/ then holds
``coherence.csv`` and ``deletion.csv`` (a row an image and map, appended as they are computed),
``config.json`` (what decides them), and ``summary.json`` with ``coherence-summary.csv`` and
``deletion-summary.csv``: means with intervals, over all images, by class and by lesion size.
"""
