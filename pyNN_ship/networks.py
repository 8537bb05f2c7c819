"""A network as one object: its populations, views, assemblies and projections."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from neo.io.baseio import BaseIO
from pyNN import common, network

from . import simulator
from .recording import neo_io


class Network(network.Network):
    """
    Populations, views, assemblies and projections that belong together.

    Every cell counts once: what a view or an assembly takes its cells from belongs to the network
    too.

    Parameters
    ----------
    *components : Population, PopulationView, Assembly or Projection
        What the network consists of.

    Raises
    ------
    TypeError
        If a component is none of these.
    """

    def add(self, *components: Any) -> None:
        """Add populations, views, assemblies or projections; see the class."""
        for component in components:
            if isinstance(component, common.Assembly):
                self._assemblies.add(component)
                self.add(*component.populations)
            elif isinstance(component, common.PopulationView):
                self._views.add(component)
                self._populations.add(component.grandparent)
            elif isinstance(component, (common.Population, common.Projection)):
                super().add(component)
            else:
                raise TypeError(
                    f"{component!r} cannot be part of a network; give populations, views, "
                    "assemblies and projections."
                )

    def write_data(
        self,
        io: Any,
        variables: Any = "all",
        gather: bool = True,
        clear: bool = False,
        annotations: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the data of all assemblies to a file: a name, a path or a Neo IO.

        Raises
        ------
        neo.io.baseio.NeoReadWriteError
            If there are several assemblies and the format holds one only.
        """
        blocks = self.get_data(variables, gather, clear, annotations)
        if gather and simulator.state.mpi_rank > 0:
            return
        file = neo_io(os.fspath(io) if isinstance(io, os.PathLike) else io)
        one = len(blocks) == 1 and type(file).write is BaseIO.write
        file.write(blocks[0] if one else blocks)
