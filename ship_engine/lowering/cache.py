"""The kernel cache: machine code on disk, found by a digest of all that it depends on.

A file is written under a temporary name and renamed into place, so that several processes may
start at once: whoever comes last wins, with the same content.  Where the folder cannot be
written the code lives in memory only, and the log says so.  A damaged file is compiled anew.

The folder is `$SHIP_CACHE_DIR`, else the user's cache folder (`$XDG_CACHE_HOME` or `~/.cache`)
`/pynn-ship`; deleting it is always safe.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from ship_engine.lowering.loader import MachineCode, host_description

logger = logging.getLogger("ship_engine")

_FORMAT = 1


def cache_directory() -> Path:
    """Where compiled kernels are kept."""
    chosen = os.environ.get("SHIP_CACHE_DIR")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "pynn-ship"
    except RuntimeError:  # a user without a home
        return Path(tempfile.gettempdir()) / "pynn-ship"


class _Fixed(NamedTuple):
    """A function of `ship_engine.compiled`: its module, arguments, and what it is made from."""

    module: str
    arguments: int
    sources: tuple[str, ...]


_DIALECT = ("elementwise", "compiled.dialect", "compiled.records", "lowering.layout")
_DELIVERY = ("delivery.numba_cpu", "compiled.time_loop", *_DIALECT)
_WINDOWS = ("compiled.windows", *_DELIVERY)
_SOURCES = ("compiled.sources", "compiled.philox", "random", *_DIALECT)
_EVENTS = ("compiled.synapse_events", *_DIALECT)
_EVENTPROP = (
    "compiled.eventprop_membrane",
    "compiled.eventprop_sorting",
    "executors.eventprop_layout",
    *_DIALECT,
)
_FIXED = {
    "drive": _Fixed("compiled.time_loop", 4, _DELIVERY),
    "keep_spikes": _Fixed("compiled.synapse_events", 4, _EVENTS),
    "arrive": _Fixed("compiled.synapse_events", 4, _EVENTS),
    "couple": _Fixed("compiled.synapse_events", 4, _EVENTS),
    "compute_window": _Fixed("compiled.windows", 4, _WINDOWS),
    "merge_spikes": _Fixed("compiled.windows", 1, _WINDOWS),
    "deliver_window": _Fixed("compiled.windows", 4, _WINDOWS),
    "array_kernel": _Fixed("compiled.sources", 4, _SOURCES),
    "poisson_kernel": _Fixed("compiled.sources", 4, _SOURCES),
    **{
        f"{name}_{bits}": _Fixed("compiled.dataflow", 4, ("compiled.dataflow", *_DIALECT))
        for name in ("accumulate", "gather", "spread")
        for bits in (32, 64)
    },
    **{
        f"{name}_{bits}": _Fixed(
            "compiled.spike_products",
            4,
            ("compiled.spike_products", "lowering.product_layout", *_DIALECT),
        )
        for name in ("list_active", "count_columns", "turn_lists", "multiply_active")
        for bits in (32, 64)
    },
    **{
        f"{name}_{bits}": _Fixed(
            "compiled.spike_response",
            4,
            ("compiled.spike_response", "lowering.response_layout", *_DIALECT),
        )
        for name in ("filter_alpha", "respond")
        for bits in (32, 64)
    },
    **{
        f"eventprop_{name}": _Fixed(f"compiled.{module}", 4, (f"compiled.{module}", *_EVENTPROP))
        for name, module in (("forward", "eventprop"), ("backward", "eventprop_adjoint"))
    },
    "take_turns": _Fixed("compiled.dataflow", 4, ("compiled.dataflow", *_DIALECT)),
    "group_by_source": _Fixed("compiled.sorting", 7, ("compiled.sorting", *_DIALECT)),
}


def source_of(modules: tuple[str, ...]) -> str:
    """The text of modules of the engine."""
    package = Path(__file__).parents[1]
    files = [package / (module.replace(".", "/") + ".py") for module in modules]
    return "\n".join(file.read_text() for file in files)


class KernelCache:
    """Compiled functions of this process, backed by a folder.

    Parameters
    ----------
    directory : Path, optional
        The folder; by default `cache_directory()`.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory or cache_directory()
        self._loaded: dict[str, MachineCode] = {}
        self._fixed: dict[str, MachineCode] = {}
        self._ahead: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = (
            f"{_FORMAT} {version('numba')} {version('llvmlite')} {host_description()}"
        )

    def get(
        self, name: str, content: str, argument_count: int, build: Callable[[], Callable[..., Any]]
    ) -> MachineCode:
        """A compiled function, from memory, from disk, or compiled now.

        Parameters
        ----------
        name : str
            For people: it starts the file's name and stands in the log.
        content : str
            Everything that the machine code depends on, as text (source, digests).
        argument_count : int
            How many integers the function takes.
        build : callable
            Gives the function to compile; called only if there is no machine code.
        """
        path = self._path(name, content)
        if path.name not in self._loaded:
            code = self._read(path, argument_count)
            self._loaded[path.name] = code or self._compile(name, path, argument_count, build)
        return self._loaded[path.name]

    def _path(self, name: str, content: str) -> Path:
        digest = hashlib.sha256(f"{self._environment}\n{name}\n{content}".encode()).hexdigest()
        readable = re.sub(r"[^\w.()+-]+", "_", name)[:80]
        return self.directory / f"{readable}-{digest[:32]}.kernel"

    def compile_ahead(self, name: str) -> None:
        """Let another process compile a fixed function, if the folder lacks it.

        Meanwhile this one may compile something else; `fixed` waits for it.
        """
        done = name in self._fixed or name in self._ahead
        if (
            done
            or self._path(name, source_of(_FIXED[name].sources)).exists()
            or not self._can_delegate()
        ):
            return
        script = (
            "import sys; from pathlib import Path; "
            f"sys.path.insert(0, {str(Path(__file__).parents[2])!r}); "
            "from ship_engine.lowering.cache import KernelCache; "
            f"KernelCache(Path({str(self.directory)!r})).fixed({name!r})"
        )
        self._ahead[name] = subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _can_delegate(self) -> bool:
        """Whether this is a plain Python whose child process could write into the folder."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError:
            return False
        writable = os.access(self.directory, os.W_OK)
        return writable and Path(sys.executable or "").name.startswith("python")

    def fixed(self, name: str) -> MachineCode:
        """One of the functions that do not depend on a model, such as ``"drive"``."""
        if name not in self._fixed:
            facts = _FIXED[name]
            content = source_of(_FIXED[name].sources)
            ahead = self._ahead.pop(name, None)
            if ahead is not None:
                ahead.wait()

            def build() -> Callable[..., Any]:
                function: Callable[..., Any] = getattr(
                    import_module(f"ship_engine.{facts.module}"), name
                )
                return function

            self._fixed[name] = self.get(name, content, facts.arguments, build)
        return self._fixed[name]

    def _read(self, path: Path, argument_count: int) -> MachineCode | None:
        try:
            raw = path.read_bytes()
        except OSError:
            return None
        header, _, data = raw.partition(b"\n")
        try:
            facts = json.loads(header)
            intact = facts["sha256"] == hashlib.sha256(data).hexdigest()
        except (ValueError, KeyError, TypeError):
            intact = False
        if not intact:
            logger.warning("Damaged kernel file %s; compiling it anew.", path)
            return None
        return MachineCode(facts["symbol"], data, argument_count)

    def _compile(
        self, name: str, path: Path, argument_count: int, build: Callable[[], Callable[..., Any]]
    ) -> MachineCode:
        from ship_engine.lowering.compiler import compile_to_object

        start = time.perf_counter()
        code = compile_to_object(build(), argument_count)
        elapsed = time.perf_counter() - start
        logger.info("Compiled '%s' in %.1f s; it is kept for the next time.", name, elapsed)
        self._write(path, code.symbol, code.data)
        return MachineCode(code.symbol, code.data, argument_count)

    def _write(self, path: Path, symbol: str, data: bytes) -> None:
        facts = {"symbol": symbol, "sha256": hashlib.sha256(data).hexdigest()}
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self.directory, prefix=path.stem)
            with os.fdopen(handle, "wb") as file:
                file.write(json.dumps(facts).encode() + b"\n" + data)
            os.replace(temporary, path)
        except OSError as error:
            logger.warning(
                "Cannot keep compiled kernels in %s (%s); they are compiled in every process. "
                "Set SHIP_CACHE_DIR to a folder that can be written.",
                self.directory,
                error,
            )
