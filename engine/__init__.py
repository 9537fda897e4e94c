"""Everything Saliscope can do without a window: images, model, saliency, masks, evaluation."""
