"""PyNN's own system tests, unit tests and examples, run on ship: ``make conformance``.

Nothing of them is kept here. They come with the source distribution of PyNN, which pip fetches.
"""
