"""The fusion classifier: branches, fusion, network, presets and checkpoints."""
