"""Training: surrogate derivatives of spikes, and what is built on them."""
