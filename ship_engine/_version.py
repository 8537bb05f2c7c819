"""The version of the two packages, which are released together; nothing else states it."""

__version__ = "0.1.0"
