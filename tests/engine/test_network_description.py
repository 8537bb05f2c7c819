"""The description of a network, and the places that are named where it is wrong."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ship_engine.errors import FileFormatError
from ship_engine.platform.description import DEEPEST, check_network_description


def group(id: str, name: str, **entries: Any) -> dict[str, Any]:
    plain = {
        "id": id,
        "model": {"name": name, "wrappers": []},
        "N": None,
        "source": None,
        "target": None,
        "port": None,
        "is_output": False,
        "arguments": {},
    }
    return {**plain, **entries}


def complete() -> dict[str, Any]:
    wrapped = {
        "name": "LIF",
        "wrappers": ["refractory", {"name": "substeps", "arguments": {"count": 4}}],
    }
    arguments = {"w": {"tensor": "S.w"}, "tau_alpha": {"value": 5}}
    return {
        "format": "ship-network",
        "version": 1,
        "engine": "0.2.0",
        "settings": {
            "dtype": "float64",
            "executor": "torch",
            "seed": -3,
            "dt": 0.1,
            "nts": 0,
            "batch_size": None,
            "device": "cpu",
        },
        "groups": [
            group("S", "LeakySynapse", source="I", target="N", arguments=arguments),
            group("I", "Input", N=3),
            group("N", "LIF", N=2, model=wrapped, is_output=True),
        ],
        "monitors": [{"group": "N", "names": ["u"]}, {"group": "S", "names": []}],
    }


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The complete description with another value in one place; without it if that is `...`."""
    description = complete()
    place: Any = description
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return description


def test_a_complete_description_is_fine_before_and_after_json() -> None:
    check_network_description(complete())
    check_network_description(json.loads(json.dumps(complete())), {"S.w"})


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("format",), ..., "format = None; 'ship-network' is expected"),
        (("format",), ["a"], r"format = \['a'\]; 'ship-network' is expected"),
        (("version",), 0, "version = 0; a whole number >= 1 is expected"),
        (("version",), True, "version = True; a whole number >= 1 is expected"),
        (("version",), 2, "version = 2 of the format is later than 1"),
        (("engine",), ..., "The entry 'engine' is missing"),
        (("engine",), 3, "engine = 3; a text is expected"),
        (("model",), 3, "The entry 'model' is unknown; known are format, version, engine, sett"),
        (("settings",), [], r"settings = \[\]; a table of names and values is expected"),
        (("settings", "dtype"), "float16", "dtype = 'float16'; 'float32' or 'float64' is expect"),
        (("settings", "executor"), {}, "executor = {}; 'numba' or 'torch' or 'fused' is expected"),
        (("settings", "seed"), 1.0, r"settings\.seed = 1\.0; a whole number is expected"),
        (("settings", "dt"), 0.0, r"settings\.dt = 0\.0; a number > 0, in ms, or null is exp"),
        (("settings", "dt"), "1", r"settings\.dt = '1'; a finite number is expected"),
        (("settings", "nts"), -1, r"settings\.nts = -1; a whole number >= 0 is expected"),
        (("settings", "batch_size"), 0, r"settings\.batch_size = 0; a whole number >= 1 is"),
        (("settings", "device"), 0, r"settings\.device = 0; a text is expected"),
        (("settings", "dt"), ..., "The entry 'dt' of settings is missing"),
        (("settings", "time"), 1, "The entry 'time' of settings is unknown; known are dtype, "),
        (("groups",), {}, "groups = {}; a list is expected"),
        (("groups", 0), None, r"groups\[0\] = None; a table of names and values is expected"),
        (("groups", 0, "id"), "", r"groups\[0\]\.id = ''; a text is expected"),
        (("groups", 0, "id"), "\ud800", r"groups\[0\]\.id = .* a text of whole characters is"),
        (("groups", 0, "port"), ..., r"The entry 'port' of groups\[0\] is missing"),
        (("groups", 0, "port"), 0, r"groups\[0\]\.port = 0; a text is expected"),
        (("groups", 1, "id"), "S", r"groups\[1\]\.id = 'S' stands at groups\[0\] already"),
        (("groups", 1, "id"), "J", r"groups\[0\]\.source = 'I'; the id of a group is expected"),
        (("groups", 0, "source"), None, r"groups\[0\]\.N = None; a whole number >= 1, or else a"),
        (("groups", 0, "N"), 1, r"groups\[0\]\.source = 'I'; null, since the group has an N"),
        (("groups", 1, "N"), 0, r"groups\[1\]\.N = 0; a whole number >= 1 is expected"),
        (("groups", 1, "N"), None, r"groups\[1\]\.N = None; a whole number >= 1, or else a"),
        (("groups", 1, "is_output"), 1, r"groups\[1\]\.is_output = 1; true or false is expected"),
        (("groups", 2, "model"), "LIF", r"groups\[2\]\.model = 'LIF'; a table of names and val"),
        (("groups", 2, "model", "name"), 1, r"groups\[2\]\.model\.name = 1; a text is expected"),
        (
            ("groups", 2, "model", "wrappers"),
            "refractory",
            r"groups\[2\]\.model\.wrappers = 'refractory'; a list is expected",
        ),
        (
            ("groups", 2, "model", "wrappers", 0),
            "",
            r"groups\[2\]\.model\.wrappers\[0\] = ''; a text is expected",
        ),
        (
            ("groups", 2, "model", "wrappers", 1, "name"),
            ...,
            r"The entry 'name' of groups\[2\]\.model\.wrappers\[1\] is missing",
        ),
        (
            ("groups", 2, "model", "wrappers", 1, "arguments", "count"),
            {"x": [1.0, None, True, "text", float("nan")]},
            r"groups\[2\]\.model\.wrappers\[1\]\.arguments\.count\.x\[4\] = nan; a finite number",
        ),
        (
            ("groups", 2, "model", "wrappers", 1, "arguments", "count"),
            "\ud800",
            r"wrappers\[1\]\.arguments\.count = .* a text of whole characters is expected",
        ),
        (
            ("groups", 0, "arguments", "w"),
            0.5,
            r"groups\[0\]\.arguments\.w = 0\.5; a table of names and values is expected",
        ),
        (
            ("groups", 0, "arguments", "w"),
            {},
            r"groups\[0\]\.arguments\.w = {}; either a value or a tensor is expected",
        ),
        (
            ("groups", 0, "arguments", "w", "value"),
            1,
            r"groups\[0\]\.arguments\.w = {.*}; either a value or a tensor is expected",
        ),
        (
            ("groups", 0, "arguments", "w", "tensor"),
            1,
            r"groups\[0\]\.arguments\.w\.tensor = 1; a text is expected",
        ),
        (
            ("groups", 0, "arguments", "tau_alpha", "value"),
            "5",
            r"groups\[0\]\.arguments\.tau_alpha\.value = '5'; a finite number is expected",
        ),
        (
            ("groups", 0, "arguments", "tau_alpha", "value"),
            10**400,
            r"groups\[0\]\.arguments\.tau_alpha\.value = 10+\.\.\.; a finite number is expected",
        ),
        (
            ("groups", 0, "arguments", "\ud800"),
            {"value": 1.0},
            r"A name in groups\[0\]\.arguments = .* a text of whole characters is expected",
        ),
        (
            ("groups", 0, "arguments", "model"),
            {"value": 1.0},
            r"groups\[0\]\.arguments\.model cannot be an argument of a group",
        ),
        (("monitors",), None, "monitors = None; a list is expected"),
        (("monitors", 0, "group"), "M", r"monitors\[0\]\.group = 'M'; the id of a group is exp"),
        (("monitors", 0, "names"), "u", r"monitors\[0\]\.names = 'u'; a list is expected"),
        (("monitors", 0, "names", 0), 1, r"monitors\[0\]\.names\[0\] = 1; a text is expected"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(
    path: tuple[Any, ...], value: Any, message: str
) -> None:
    with pytest.raises(FileFormatError, match=message):
        check_network_description(changed(path, value))


def test_tensors_and_those_that_arguments_refer_to_are_the_same() -> None:
    with pytest.raises(FileFormatError, match=r"arguments.w.tensor = 'S.w', but there is no"):
        check_network_description(complete(), ())
    with pytest.raises(FileFormatError, match=r"a tensor 'S\.v' that no argument refers to"):
        check_network_description(complete(), ("S.w", "S.v"))


def test_arguments_of_wrappers_have_a_limited_depth() -> None:
    deep: Any = 1
    for _ in range(10_000):
        deep = [deep]
    place = ("groups", 2, "model", "wrappers", 1, "arguments", "count")
    with pytest.raises(FileFormatError, match=f"lies more than {DEEPEST} levels deep"):
        check_network_description(changed(place, deep))


def places(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = list(value.items()) if isinstance(value, dict) else []
    inside = list(enumerate(value)) if isinstance(value, list) else inside
    return [(*before, key) for key, _ in inside] + [
        place for key, item in inside for place in places(item, (*before, key))
    ]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)


@given(place=st.sampled_from(places(complete())), value=ANYTHING)
def test_anything_anywhere_is_either_fine_or_refused(place: tuple[Any, ...], value: Any) -> None:
    description = changed(place, value)
    before = copy.deepcopy(description)
    try:
        check_network_description(description)
    except FileFormatError:
        return
    assert json.loads(json.dumps(description, allow_nan=False)) == before
