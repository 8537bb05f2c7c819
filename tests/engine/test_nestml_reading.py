"""NESTML texts are read in silence, and refused with line and column."""

from __future__ import annotations

import sys

import nestml_texts as texts
import pytest

from ship_engine.errors import (
    ModelTextError,
    NotInstalledError,
    ShipError,
    UnknownNameError,
    UnsupportedModelError,
)
from ship_engine.nestml.models import read_neuron, read_synapse
from ship_engine.nestml.reading import read_text

pytest.importorskip("pynestml")

TWO = texts.ALPHA.replace("my_neuron", "first") + texts.DELTA.replace("my_neuron", "second")


def test_the_parser_is_silent_and_leaves_no_trace(capfd):
    from pynestml.frontend.frontend_configuration import FrontendConfiguration
    from pynestml.symbol_table.symbol_table import SymbolTable
    from pynestml.utils.logger import Logger, LoggingLevel

    Logger.init_logger(LoggingLevel.WARNING)
    Logger.log["mine"] = "kept"
    SymbolTable.name2model_scope = {"mine": None}
    FrontendConfiguration.target_platform = "NEST_COMPARTMENTAL"
    try:
        read_neuron(texts.ALPHA)
        with pytest.raises(ModelTextError):
            read_neuron("model x:\n    nonsense\n")
        assert Logger.log == {"mine": "kept"}
        assert Logger.logging_level == LoggingLevel.WARNING
        assert not Logger.no_print
        assert SymbolTable.name2model_scope == {"mine": None}
        assert FrontendConfiguration.target_platform == "NEST_COMPARTMENTAL"
    finally:
        Logger.log.clear()
        SymbolTable.name2model_scope = {}
        FrontendConfiguration.target_platform = ""
    assert capfd.readouterr() == ("", "")


def test_a_name_chooses_among_several_models():
    assert read_neuron(TWO).description.name == "first"
    assert read_neuron(TWO, "second").description.name == "second"
    with pytest.raises(UnknownNameError, match=r"has first, second\. Did you mean 'second'"):
        read_neuron(TWO, "sekond")


def test_a_text_with_one_synapse_means_that_one():
    text = """
model static:
    parameters:
        w real = 3
    input:
        pre_spikes <- spike
    output:
        spike
    onReceive(pre_spikes):
        emit_spike(w)
"""
    assert read_synapse(text, "anything").weight == 3.0
    with pytest.raises(UnknownNameError, match="has no model 'anything'"):
        read_synapse(text + text.replace("static", "other"), "anything")
    with pytest.raises(UnknownNameError, match=r"no variable 'weight'.*weight_variable.*it has w"):
        read_synapse(text, "static", weight_variable="weight")


def test_a_description_is_a_text_or_a_file(tmp_path):
    file = tmp_path / "neuron.nestml"
    file.write_text(texts.DELTA)
    for path in (file, str(file)):
        assert read_neuron(path).description == read_neuron(texts.DELTA).description
    with pytest.raises(FileNotFoundError, match=r"no file 'neuron\.nestml'.*'model my_neuron:'"):
        read_neuron("neuron.nestml")
    with pytest.raises(ModelTextError, match="no NESTML model in it"):
        read_text("parameters:\n    x real = 1\n")
    file.write_bytes(b"model x:\n\xff\xfe")
    with pytest.raises(ModelTextError, match="no text in UTF-8"):
        read_neuron(file)


REFUSED = {
    "syntax": (("V_m mV = E_L", "V_m mV == E_L"), r"Line 4, column 15: .*'=='.*V_m mV == E_L"),
    "character": (("V_m mV = E_L", "V_m mV = E_L ¿"), r"Line 4, column 21"),
    "indentation": (("    parameters:", "  parameters:"), r"Line 9, column 2"),
    "variable": (
        ("(E_L - V_m)", "(E_K - V_m)"),
        r'Line 8, column 16: .*"E_K".*Did you mean .E_L.',
    ),
    "unit of a sum": (("I_e pA = 0 pA", "I_e pA = 0 pA + 1 mV"), r"Line 16, column \d+: .*mV"),
    "unit of an equation": (("/ tau_m", "* tau_m"), r"Line 8, column \d+: .*mV"),
    "unknown unit": (("I_e pA = 0 pA", "I_e foo = 0"), r"Line 16, column \d+: .*foo"),
    "no initial value": (("V_m mV = E_L", "V_m mV"), r"Line 2, .*\"V_m\" is not init"),
    "assigned parameter": (("V_m = V_reset", "V_reset = V_m"), r"Line \d+, column 8: .*V_reset"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_mistakes_are_named_with_line_and_column(what):
    (right, wrong), message = REFUSED[what]
    text = texts.neuron("""
        V_m' = (E_L - V_m) / tau_m + (I_e + I_stim) / C_m""")
    assert read_neuron(text)
    assert right in text
    with pytest.raises(ModelTextError, match=message):
        read_neuron(text.replace(right, wrong, 1))


def test_nothing_but_an_error_of_ship_comes_of_a_damaged_text():
    for cut in range(30, len(texts.DELTA), 97):
        for text in (texts.DELTA[:cut], texts.DELTA[:cut] + texts.DELTA[cut + 9 :]):
            try:
                read_neuron(text)
            except ShipError:
                continue


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynestml.meta_model.ast_stmts_body", None)
    with pytest.raises(NotInstalledError, match=r"pip install pynn-ship\[nestml\]"):
        read_neuron(texts.DELTA)
    assert issubclass(NotInstalledError, ImportError)


LARGE = {
    "functions": texts.passive(
        "\n        x' = f12(x) / 1 ms",
        more="".join(
            f"    function f{k}(x real) real:\n        return f{k - 1}(x) * f{k - 1}(x)\n"
            for k in range(1, 13)
        )
        + "    function f0(x real) real:\n        return x\n",
    ),
    "statements": texts.DELTA.replace(
        "        V_m = V_reset\n",
        "        y real = V_m / 1 mV\n"
        + "        y = y * y + y\n" * 30
        + "        V_m = y * 1 mV\n",
    ),
    "internals": texts.DELTA.replace("V_m mV = E_L", "V_m mV = p30 * 1 mV").replace(
        "unit_psc pA = 1 pA",
        "p0 real = 2" + "".join(f"\n        p{k} real = p{k - 1} * p{k - 1}" for k in range(1, 31)),
    ),
}


@pytest.mark.parametrize("what", LARGE)
def test_texts_that_grow_without_bounds_are_refused(what):
    with pytest.raises(ModelTextError, match="more than 5000 parts"):
        read_neuron(LARGE[what])


def test_circles_are_refused():
    text = texts.DELTA.replace("V_m mV = E_L", "V_m mV = p * 1 mV")
    text = text.replace("unit_psc pA = 1 pA", "p real = q\n        q real = p")
    with pytest.raises(ModelTextError, match="depend on each other in a circle"):
        read_neuron(text)
    recursive = texts.passive(
        "\n        x' = f(x) / 1 ms",
        more="    function f(x real) real:\n        return f(x) + 1\n",
    )
    with pytest.raises(UnsupportedModelError, match=r"line 15, column 4: .f., which calls itself"):
        read_neuron(recursive)
