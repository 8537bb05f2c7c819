"""Fused training: a layer's whole time course, and its derivative, in one compiled loop each."""
