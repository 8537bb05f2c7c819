"""Learning rules that need no gradient: local changes of weights, computed from spikes."""
