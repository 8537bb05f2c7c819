"""Rules of others: local changes of weights, times of first spikes, and what STDP needs."""
