"""Neuron models and spike sources: where each is defined is what its file is called."""
