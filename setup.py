"""Installs the module ``pyNN.ship``; everything else is declared in ``pyproject.toml``.

PyNN finds the simulator ``<name>`` by importing ``pyNN.<name>``, so a backend that is developed
outside PyNN needs one module inside the installed ``pyNN`` package. It is ``shim/pyNN/ship.py``,
three statements long. A wheel may contain a file of another package's folder as long as the two
do not share the file itself: the wheel of pynn-ship lists ``pyNN/ship.py`` but no
``pyNN/__init__.py``, so PyNN stays as it is, and uninstalling pynn-ship removes what it added.

Both distributions have to be installed in the same site-packages. Where PyNN lives elsewhere (an
editable install of PyNN, or a virtual environment that borrows PyNN from the system),
``import pyNN_ship as sim`` gives the same names.
"""

from __future__ import annotations

from pathlib import Path

from setuptools import Command, setup
from setuptools.command.build import build

SHIM = "pyNN/ship.py"


class BuildShim(Command):
    """Copy the module ``pyNN.ship`` into the wheel, be it an ordinary or an editable one."""

    description = "place the module pyNN.ship in the pyNN package"
    user_options: list[tuple[str, str, str]] = []
    editable_mode = False  # setuptools sets it to True while it builds an editable wheel

    def initialize_options(self) -> None:
        """Declare the options (distutils protocol)."""
        self.build_lib: str | None = None

    def finalize_options(self) -> None:
        """Take the folder of the build from the commands that built the packages."""
        self.set_undefined_options("build_py", ("build_lib", "build_lib"))

    def run(self) -> None:
        """Copy the file.

        An ordinary wheel is packed from ``build_lib``. An editable one leaves that folder out,
        since it refers to the sources instead; there the file goes directly into the tree that
        becomes the wheel, as data files and headers do.
        """
        root = self.build_lib
        if self.editable_mode:
            root = self.get_finalized_command("install").install_lib
        target = Path(str(root), SHIM)
        target.parent.mkdir(parents=True, exist_ok=True)
        self.copy_file(f"shim/{SHIM}", str(target))

    def get_source_files(self) -> list[str]:
        """Return the files that a source distribution must contain."""
        return [f"shim/{SHIM}"]

    def get_outputs(self) -> list[str]:
        """Return the files that the command leaves in ``build_lib``."""
        return [] if self.editable_mode else [f"{self.build_lib}/{SHIM}"]

    def get_output_mapping(self) -> dict[str, str]:
        """Return the outputs that may be links to their sources: none, the file is a copy."""
        return {}


class BuildWithShim(build):
    """The usual build, and the shim after it."""

    sub_commands = [*build.sub_commands, ("build_shim", None)]


setup(cmdclass={"build": BuildWithShim, "build_shim": BuildShim})
