"""NESTML text to a syntax tree, by the parser and the checks of the package nestml.

The parser prints what it finds and keeps its findings, its symbols and its logger at the level of
its classes.  Here it works in silence, one text at a time, and leaves all of that as it was.
"""

from __future__ import annotations

import difflib
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ship_engine.errors import ModelTextError, NotInstalledError, UnknownNameError

_ALONE = threading.Lock()


def read_text(description: str | Path) -> str:
    """The text itself, or that of the file at this path.

    Parameters
    ----------
    description : str or Path
        NESTML text, or the path of a file with it.

    Returns
    -------
    str
        The text.

    Raises
    ------
    FileNotFoundError
        If it is neither a text with a model in it nor the path of a file.
    ModelTextError
        If the file holds no text.
    """
    if isinstance(description, str) and re.search(r"^\s*model\b[^\n]*:", description, re.MULTILINE):
        return description
    if isinstance(description, str) and ("\n" in description or not description.strip()):
        raise ModelTextError(
            "The text has no NESTML model in it; a model begins with a line such as "
            "'model my_neuron:'."
        )
    path = Path(description)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file '{description}'; give the path of a NESTML file, or the text of a "
            "model, which begins with a line such as 'model my_neuron:'."
        )
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ModelTextError(f"'{path}' is no text in UTF-8: {error}.") from error


def parse(text: str) -> list[Any]:
    """The models of a NESTML text, with symbols and types, each of them checked.

    Parameters
    ----------
    text : str
        Of one or more models.

    Returns
    -------
    list of pynestml.meta_model.ast_model.ASTModel
        In the order of the text.

    Raises
    ------
    ModelTextError
        If the text is no NESTML, with line and column of what is wrong.
    NotInstalledError
        If the package nestml is not there.
    """
    _require_nestml()
    with _ALONE, _in_silence() as findings:
        try:
            models = _syntax_tree(text)
        except ModelTextError:
            raise
        except Exception as error:
            # Whatever the parser stumbles over lies in the text that it was given.
            raise _first_of(findings, text, f"The text cannot be read: {error}") from error
        if _serious(findings):
            raise _first_of(findings, text)
        return models


def choose(models: Sequence[Any], name: str, only: bool = False) -> Any:
    """The model of that name.

    Parameters
    ----------
    models : sequence of ASTModel
        What `parse` found.
    name : str
        Of the model.
    only : bool
        Whether a text with a single model means that one, whatever its name.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    """
    found = {model.get_name(): model for model in models}
    if name in found:
        return found[name]
    if only and len(models) == 1:
        return models[0]
    near = difflib.get_close_matches(name, found, n=1, cutoff=0.4)
    meant = f" Did you mean '{near[0]}'?" if near else ""
    raise UnknownNameError(
        f"The NESTML text has no model '{name}'; it has {', '.join(found)}.{meant}"
    )


def _require_nestml() -> None:
    try:
        import pynestml.meta_model.ast_stmts_body  # noqa: F401
    except ImportError as error:
        raise NotInstalledError(
            "NESTML is read with the package nestml, version 9 or later, which is not here: "
            "pip install pynn-ship[nestml]"
        ) from error


class _SyntaxErrors:
    """Collects what lexer and parser of ANTLR complain of."""

    def __init__(self) -> None:
        self.found: list[tuple[int, int, str]] = []

    def syntaxError(
        self, recognizer: Any, symbol: Any, line: int, column: int, message: str, error: Any
    ) -> None:
        self.found.append((line, column, message))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("report"):
            return lambda *arguments: None
        raise AttributeError(name)


def _syntax_tree(text: str) -> list[Any]:
    from antlr4 import CommonTokenStream, InputStream
    from pynestml.generated.PyNestMLLexer import PyNestMLLexer
    from pynestml.generated.PyNestMLParser import PyNestMLParser
    from pynestml.visitors.ast_builder_visitor import ASTBuilderVisitor

    complaints = _SyntaxErrors()
    lexer = PyNestMLLexer(InputStream(text if text.endswith("\n") else text + "\n"))
    tokens = CommonTokenStream(lexer)
    parser = PyNestMLParser(tokens)
    for part in (lexer, parser):
        part.removeErrorListeners()
        part.addErrorListener(complaints)
    tokens.fill()
    tree = None if complaints.found else parser.nestMLCompilationUnit()
    if complaints.found:
        line, column, message = complaints.found[0]
        raise ModelTextError(
            f"Line {line}, column {column}: {message}.{_shown(text, line)} Models are written in "
            "the syntax of NESTML 9."
        )
    unit = ASTBuilderVisitor(tokens.tokens).visit(tree)
    _resolve(unit)
    return list(unit.get_model_list())


def _resolve(unit: Any) -> None:
    """Give names and types to what is in the tree, and check it."""
    from pynestml.cocos.co_cos_manager import CoCosManager
    from pynestml.symbol_table.symbol_table import SymbolTable
    from pynestml.visitors.assign_implicit_conversion_factors_visitor import (
        AssignImplicitConversionFactorsVisitor,
    )
    from pynestml.visitors.ast_parent_visitor import ASTParentVisitor
    from pynestml.visitors.ast_symbol_table_visitor import ASTSymbolTableVisitor
    from pynestml.visitors.unit_type_fixer_visitor import UnitTypeFixerVisitor

    models = unit.get_model_list()
    for model in models:
        model.parent_ = None
        model.accept(ASTParentVisitor())
    SymbolTable.initialize_symbol_table(unit.get_source_position())
    CoCosManager.check_model_names_unique(unit)
    for model in models:
        model.accept(ASTSymbolTableVisitor())
        SymbolTable.add_model_scope(model.get_name(), model.get_scope())
        UnitTypeFixerVisitor.fix_model(model)
        model.accept(AssignImplicitConversionFactorsVisitor())
    for model in models:
        CoCosManager.check_cocos(model)


@contextmanager
def _in_silence() -> Iterator[dict[int, Any]]:
    """Let the parser note what it finds without printing it; afterwards all is as before."""
    from pynestml.frontend.frontend_configuration import FrontendConfiguration
    from pynestml.symbol_table.symbol_table import SymbolTable
    from pynestml.symbols.predefined_functions import PredefinedFunctions
    from pynestml.symbols.predefined_types import PredefinedTypes
    from pynestml.symbols.predefined_units import PredefinedUnits
    from pynestml.symbols.predefined_variables import PredefinedVariables
    from pynestml.utils.logger import Logger, LoggingLevel

    logged = ("log", "curr_message", "log_frozen", "logging_level", "current_node", "no_print")
    kept = [(Logger, name, getattr(Logger, name)) for name in logged]
    kept += [
        (SymbolTable, name, getattr(SymbolTable, name))
        for name in vars(SymbolTable)
        if name in ("name2model_scope", "source_location")
    ]
    kept.append((FrontendConfiguration, "target_platform", FrontendConfiguration.target_platform))
    try:
        Logger.init_logger(LoggingLevel.NO)
        Logger.current_node, Logger.no_print = None, True
        FrontendConfiguration.target_platform = ""
        PredefinedUnits.register_units()
        PredefinedTypes.register_types()
        PredefinedFunctions.register_functions()
        PredefinedVariables.register_variables()
        yield Logger.log
    finally:
        for owner, name, value in kept:
            setattr(owner, name, value)


def _serious(findings: dict[int, Any]) -> list[tuple[int, int, str]]:
    """Line, column and text of each error that was logged."""
    serious = []
    for _, _, level, _, position, message in findings.values():
        if level.name == "ERROR":
            line = 0 if position is None else position.get_start_line()
            column = 0 if position is None else position.get_start_column()
            serious.append((line, column, str(message)))
    return serious


def _first_of(findings: dict[int, Any], text: str, otherwise: str = "") -> ModelTextError:
    """The first errors that were logged as one, or another if there is none."""
    first: dict[tuple[int, int], str] = {}
    for line, column, message in _serious(findings):
        first.setdefault((line, column), message.strip() + _meant(message, text))
    listed = [f"Line {place[0]}, column {place[1]}: {m}" for place, m in first.items()]
    if otherwise and not listed:
        return ModelTextError(otherwise)
    more = f" (and {len(listed) - 3} more)" if len(listed) > 3 else ""
    return ModelTextError(" ".join(listed[:3]) + more)


def _meant(message: str, text: str) -> str:
    """Another name, if an error is about one that is not known."""
    unknown = re.search(r'Variable "([\w$]+)\'*" not defined', message)
    if unknown is None:
        return ""
    names = set(re.findall(r"[A-Za-z_$][\w$]*", text)) - {unknown[1]}
    near = difflib.get_close_matches(unknown[1], sorted(names), n=1)
    return f" Did you mean '{near[0]}'?" if near else ""


def _shown(text: str, line: int) -> str:
    lines = text.splitlines()
    return f" The line is '{lines[line - 1].strip()}'." if 0 < line <= len(lines) else ""
