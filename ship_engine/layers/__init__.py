"""Spiking layers for `torch.nn.Sequential`: neurons of any model, and what connects them."""
