"""Models and wrappers for the networks of `ship_engine.platform`."""
