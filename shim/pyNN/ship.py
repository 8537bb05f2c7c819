"""PyNN on SHIP: ``import pyNN.ship as sim``.

This module holds nothing of its own. Whatever `pyNN_ship` offers, now or after a later import,
is found here under the same name; it stands inside PyNN because PyNN and its users look for the
simulator ``<name>`` under ``pyNN.<name>``. It is installed, and removed, with pynn-ship.
"""

import pyNN_ship as _backend
from pyNN_ship import *


def __getattr__(name):
    if name == "__path__":  # with it, `import pyNN.ship.simulator` would load a second simulator
        raise AttributeError("pyNN.ship is a module; import parts of the backend from pyNN_ship")
    return getattr(_backend, name)


def __dir__():
    return sorted({*globals(), *dir(_backend)})
