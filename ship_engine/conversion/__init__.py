"""Conversion of trained networks of rate units into networks of spiking neurons."""
