"""Groups that emit spikes by chance: Poisson and other renewal processes."""
