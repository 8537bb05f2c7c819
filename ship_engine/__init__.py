"""The spiking-network engine; see `ship_engine.network.Network`."""

from ship_engine._version import __version__ as __version__
