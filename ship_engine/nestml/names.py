"""Names of NESTML as names of the engine's models."""

from __future__ import annotations

import keyword
from typing import Any

from ship_engine.equations.language import CONSTANTS, FUNCTIONS, WORDS

_TAKEN = {*FUNCTIONS, *CONSTANTS, *WORDS, "dt", "i_inj", "free", "input", "drive", "current"}
_TAKEN |= {"weight", "delay", "since_pre", "since_post", "dendritic_delay_fraction", "weight_scale"}
_TAKEN |= {"tau_psc", "sign", "elapsed"}
_TAKEN |= {f"uniform_{number}" for number in range(1, 5)}
_ENDINGS = ("_end", "_half", "_middle", "_new", "_next", "_old", "_ring")


def engine_name(name: str) -> str:
    """The name of a NESTML variable in the engine: ``g$`` is ``g__DOLLAR``, ``g'`` is ``g__d``.

    NEST has the same names for these.  What Python or the engine needs for itself gets a ``_`` at
    its end.
    """
    plain = name.replace("'", "__d").replace("$", "__DOLLAR")
    if plain.startswith("_"):
        plain = f"x{plain}"
    if keyword.iskeyword(plain) or plain in _TAKEN or plain.endswith(_ENDINGS):
        plain += "_"
    return plain


def full_name(variable: Any) -> str:
    """The name of a variable with its primes."""
    return str(variable.get_complete_name())
