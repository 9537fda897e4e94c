"""Saliency maps of every branch, placed by receptive field, and their SHAP counterparts."""
