"""Phantoms: labelled MRI and ultrasound images with exact lesion masks, made from physics."""
