"""Numbers, signals and sounds as spikes; one family of encoders a file."""
