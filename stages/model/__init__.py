"""Helpers of the stages that train or use a model: tokenizer, packing, masks, networks, training loop, scores."""
