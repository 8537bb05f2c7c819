"""PyNN's standard models as models of the engine: tables of names, no logic."""
