"""Pictures of networks: what is in them, and that nothing lies over anything else."""

from __future__ import annotations

import itertools
import random
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from ship_engine.errors import InvalidValueError, NotInstalledError
from ship_engine.ordering import stack_order
from ship_engine.plotting.drawing import LARGEST, draw
from ship_engine.plotting.elements import DrawnEdge, DrawnGroup
from ship_engine.plotting.layout import LONGEST_LINE, arrange

matplotlib = pytest.importorskip("matplotlib")

from ship_engine.plotting.picture import Picture  # noqa: E402  (it needs matplotlib)

Drawn = tuple[list[DrawnGroup], list[DrawnEdge], list[str]]


@pytest.fixture(autouse=True)
def _closed_figures() -> Iterator[None]:
    from matplotlib import pyplot

    with matplotlib.rc_context({"backend": "Agg"}):
        pyplot.switch_backend("Agg")
        yield
        pyplot.close("all")


def network(
    neurons: list[str], synapses: list[tuple[str, str]], delays: tuple[float, ...] = (0.0,)
) -> Drawn:
    """The first group is an input, the last one an output; synapses are named by their ends."""
    draw_delay = random.Random(0)
    groups = [DrawnGroup(neurons[0], "input", "Poisson", 10)]
    groups += [DrawnGroup(id, "neuron", "LIF", 1000, id == neurons[-1]) for id in neurons[1:]]
    edges = []
    for k, (source, target) in enumerate(synapses):
        id = f"{source}>{target} {k}"
        groups.append(DrawnGroup(id, "synapse", "LeakySynapse", 10_000))
        edges.append((source, id, draw_delay.choice(delays)))
        edges.append((id, target, draw_delay.choice(delays)))
    number = {group.id: k for k, group in enumerate(groups)}
    order = stack_order(len(groups), [(number[a], number[b], d) for a, b, d in edges])
    stack = [groups[k].id for k in order]
    place = {id: k for k, id in enumerate(stack)}
    arrows = [DrawnEdge(a, b, d, place[b] < place[a]) for a, b, d in edges]
    return groups, arrows, stack


def layered(width: int, depth: int, delays: tuple[float, ...] = (0.0,)) -> Drawn:
    names = [f"{layer}.{k}" for layer in range(depth) for k in range(width)]
    draw_pair = random.Random(1)
    pairs = [
        (f"{layer}.{a}", f"{layer + 1}.{b}")
        for layer in range(depth - 1)
        for a in range(width)
        for b in draw_pair.sample(range(width), 2)
    ]
    return network(names, pairs, delays)


def recurrent(count: int, synapses: int, delays: tuple[float, ...] = (0.0,)) -> Drawn:
    names = ["in", *(f"N{k}" for k in range(count))]
    draw_pair = random.Random(2)
    pairs = [("in", "N0"), *(tuple(draw_pair.choices(names[1:], k=2)) for _ in range(synapses))]
    return network(names, pairs, delays)  # type: ignore[arg-type]


def chain(count: int) -> Drawn:
    names = [f"N{k}" for k in range(count)]
    return network(names, list(itertools.pairwise(names)))


def parts(figure: Any, kind: str) -> list[Any]:
    return [patch for patch in figure.axes[0].patches if type(patch).__name__ == kind]


def dashed(arrow: Any) -> bool:
    return arrow.get_linestyle() not in ("-", "solid")


def texts(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def box_rectangles(figure: Any, skipped: int) -> list[tuple[float, float, float, float]]:
    """Left, bottom, right, top of the boxes of groups; those of the legend come last."""
    boxes = parts(figure, "FancyBboxPatch")
    boxes = boxes[: len(boxes) - skipped]
    return [
        (b.get_x(), b.get_y(), b.get_x() + b.get_width(), b.get_y() + b.get_height()) for b in boxes
    ]


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


FIGURE_6 = (
    [
        DrawnGroup("I", "input", "Input", 3),
        DrawnGroup("O", "neuron", "LIF", 10, is_output=True),
        DrawnGroup("x", "synapse", "LeakySynapse", 30),
        DrawnGroup("y", "synapse", "Wire", 30),
    ],
    [
        DrawnEdge("I", "x", 2.0),
        DrawnEdge("x", "O", 1.0, backward=True),
        DrawnEdge("O", "y", (0.5, 2.0)),
        DrawnEdge("y", "I", 0.0),
    ],
    ["O", "y", "I", "x"],
)


def test_figure_6_shows_groups_stack_delays_and_what_runs_backward() -> None:
    figure = draw(*FIGURE_6)
    legend = ["input", "neurons", "synapses", "output"]
    assert len(parts(figure, "FancyBboxPatch")) == 4 + len(legend)
    arrows = parts(figure, "FancyArrowPatch")
    assert [dashed(arrow) for arrow in arrows] == [False, True, False, False, True]
    found = texts(figure)
    for text in ("I", "O", "x", "y", "Input · 3", "LIF · 10", "LeakySynapse · 30", "Wire · 30"):
        assert found.count(text) == 1
    assert [text for text in found if text.isdigit()] == ["3", "1", "4", "2"]
    assert [text for text in found if "ms" in text] == ["2 ms", "1 ms", "0.5–2 ms"]
    assert found[-6:] == [*legend, "reads the previous step", "stack: O → y → I → x"]


def test_the_loop_of_figure_6_goes_to_and_fro() -> None:
    figure = draw(*FIGURE_6)
    boxes = box_rectangles(figure, 4)
    i, o, x, y = [((b[0] + b[2]) / 2, (b[1] + b[3]) / 2) for b in boxes]
    assert i[0] < x[0] < o[0]
    assert x[0] == pytest.approx(y[0])
    assert y[1] < x[1]
    assert i[1] == pytest.approx(o[1], abs=0.01)
    assert i[1] == pytest.approx((x[1] + y[1]) / 2, abs=0.01)


def test_only_what_is_there_is_in_the_legend() -> None:
    figure = draw([DrawnGroup("N", "neuron", "LIF", 1)], [], ["N"])
    assert texts(figure) == ["N", "LIF · 1", "1", "neurons", "stack: N"]


@pytest.mark.parametrize(
    "drawn",
    [
        pytest.param(chain(3), id="chain"),
        pytest.param(chain(20), id="long chain"),
        pytest.param(layered(5, 4, (0.0, 1.0, 2.5)), id="layers of 20 groups"),
        pytest.param(recurrent(3, 8, (0.0, 1.5)), id="few groups and many loops"),
        pytest.param(recurrent(8, 16, (0.0, 0.5)), id="recurrent"),
        pytest.param(recurrent(20, 40), id="more recurrent"),
        pytest.param(
            network(["I", "N"], [("I", "N"), ("I", "N"), ("N", "N"), ("N", "N")]), id="own"
        ),
        pytest.param(network(["I", "N"], []), id="without synapses"),
    ],
)
def test_boxes_do_not_overlap_and_all_is_inside(drawn: Drawn) -> None:
    figure = draw(*drawn)
    groups, edges, _ = drawn
    legend = len({group.kind for group in groups}) + 1
    boxes = box_rectangles(figure, legend)
    assert len(boxes) == len(groups)
    assert not any(overlap(a, b) for a, b in itertools.combinations(boxes, 2))
    backward = any(edge.backward for edge in edges)
    arrows = parts(figure, "FancyArrowPatch")
    assert len(arrows) == len(edges) + backward
    assert sum(map(dashed, arrows)) == sum(edge.backward for edge in edges) + backward
    width, height = figure.get_size_inches()
    for left, bottom, right, top in boxes:
        assert 0.0 < left < right < figure.axes[0].get_xlim()[1]
        assert 0.0 < bottom < top < figure.axes[0].get_ylim()[1]
    for arrow in arrows:
        extent = arrow.get_path().get_extents()
        assert 0.0 <= extent.x0 <= extent.x1 <= width
        assert 0.0 <= extent.y0 <= extent.y1 <= height


def ends_and_points(
    drawn: Drawn,
) -> tuple[list[tuple[float, float, float, float]], list[tuple[tuple[float, float], ...]]]:
    picture = Picture(*drawn)
    lines = []
    for curve in picture.curves:
        lines.append(tuple(curve.at(k / 60) for k in range(61)))
    return [box.rectangle(-0.02) for box in picture.boxes], lines


@pytest.mark.parametrize(
    "drawn", [layered(5, 4), chain(20), recurrent(8, 16), recurrent(20, 40)], ids=str
)
def test_arrows_do_not_cross_boxes(drawn: Drawn) -> None:
    boxes, lines = ends_and_points(drawn)
    for line in lines:
        for x, y in line:
            assert not any(b[0] < x < b[2] and b[1] < y < b[3] for b in boxes)


def test_texts_do_not_overlap_boxes_or_one_another() -> None:
    figure = draw(*layered(5, 4, (0.0, 1.0, 2.5)))
    renderer = figure.canvas.get_renderer()
    rectangles = [
        text.get_window_extent(renderer).extents
        for text in figure.axes[0].texts
        if not text.get_text().isdigit()
    ]
    assert not any(overlap(a, b) for a, b in itertools.combinations(rectangles, 2))


def test_texts_fit_into_their_boxes() -> None:
    names = ["Wide WWWWWWWWMMMM", "Ĝis la revido, a rather long name", "hidden_{3}^ $x$"]
    figure = draw(*network(names, [(names[0], names[1]), (names[1], names[2])]))
    renderer = figure.canvas.get_renderer()
    scale = figure.dpi
    boxes = box_rectangles(figure, 4)
    found = texts(figure)
    assert "Ĝis la revido, a rather l…" in found
    assert "hidden_{3}^ $x$" in found
    for k, (left, _, right, _) in enumerate(boxes[:3]):
        for text in figure.axes[0].texts[3 * k : 3 * k + 2]:
            extent = text.get_window_extent(renderer)
            assert left * scale < extent.x0 < extent.x1 < right * scale


@pytest.mark.parametrize(
    ("drawn", "neurons"),
    [
        pytest.param(layered(10, 30), 300, id="layers"),
        pytest.param(recurrent(100, 300), 101, id="recurrent"),
        pytest.param(chain(500), 500, id="chain"),
    ],
)
def test_networks_of_many_groups_show_synapses_as_dots(drawn: Drawn, neurons: int) -> None:
    figure = draw(*drawn)
    synapses = len(drawn[0]) - neurons
    backward = {
        edge.source if edge.source.count(">") else edge.target for edge in drawn[1] if edge.backward
    }
    legend = 3
    assert len(parts(figure, "FancyBboxPatch")) == neurons + legend
    assert len(parts(figure, "Circle")) == synapses + 1
    arrows = parts(figure, "FancyArrowPatch")
    assert len(arrows) == synapses + bool(backward)
    assert sum(map(dashed, arrows)) == len(backward) + bool(backward)
    boxes = box_rectangles(figure, legend)
    assert not any(overlap(a, b) for a, b in itertools.combinations(boxes, 2))
    assert max(figure.get_size_inches()) <= LARGEST + 1e-9


def test_long_chains_go_back_and_forth() -> None:
    line, folded = draw(*chain(4)), draw(*chain(20))
    assert len({box[1] for box in box_rectangles(line, 4) if box[3] - box[1] > 0.5}) == 1
    assert len({round(box[1], 1) for box in box_rectangles(folded, 4)}) >= 6
    assert folded.get_size_inches()[0] < 1.5 * LONGEST_LINE


def test_a_part_of_a_figure_can_be_drawn_in() -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(6.0, 3.0))
    assert draw(*FIGURE_6, axes=axes[1]) is figure
    assert not axes[0].patches
    assert axes[1].get_aspect() == 1.0
    sizes = [text.get_fontsize() for text in axes[1].texts]
    assert max(sizes) < 9.5  # it shrinks with the picture


def test_pictures_can_be_written(tmp_path: Any) -> None:
    for drawn in (FIGURE_6, recurrent(8, 16, (0.0, 0.5))):
        figure = draw(*drawn)
        for ending in ("png", "svg", "pdf"):
            figure.savefig(tmp_path / f"network.{ending}")


def test_the_same_network_always_looks_the_same() -> None:
    first, second = (draw(*recurrent(20, 40)) for _ in range(2))
    assert box_rectangles(first, 4) == box_rectangles(second, 4)


def test_nothing_else_than_boxes_with_numbers_is_needed_to_arrange() -> None:
    layout = arrange([(1.0, 0.5)] * 3, [(0, 1), (1, 2)], {1: (0, 2)}, gap=0.5)
    assert [x for x, _ in layout.centres] == pytest.approx([0.5, 2.0, 3.5])
    assert [y for _, y in layout.centres] == pytest.approx([0.25, 0.25, 0.25])
    assert (layout.width, layout.height) == pytest.approx((4.0, 0.5))


def test_matplotlib_is_asked_for_if_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(NotInstalledError, match=r"pip install pynn-ship\[examples\] gets it"):
        draw(*FIGURE_6)


def test_what_does_not_fit_together_is_refused() -> None:
    groups, edges, stack = FIGURE_6
    with pytest.raises(InvalidValueError, match="There are no groups to draw; add some"):
        draw([], [], [])
    with pytest.raises(
        InvalidValueError, match=r"The stack \['O'\] does not hold every group once"
    ):
        draw(groups, edges, ["O"])
    with pytest.raises(InvalidValueError, match="does not hold every group once"):
        draw([*groups, groups[0]], edges, stack)
    with pytest.raises(InvalidValueError, match="from 'I' to 'z', but there is no group 'z' to"):
        draw(groups, [DrawnEdge("I", "z")], stack)
    with pytest.raises(InvalidValueError, match="'N' is of the kind 'box'; give one of input, ne"):
        draw([DrawnGroup("N", "box", "LIF", 1)], [], ["N"])  # type: ignore[arg-type]


def test_every_arrow_has_a_head_that_points_the_way_it_comes() -> None:
    for drawn in (chain(20), recurrent(8, 16), FIGURE_6):
        picture = Picture(*drawn)
        for curve in picture.curves:
            (x, y), (u, v) = curve.vertices[-2:]
            assert max(abs(x - u), abs(y - v)) > 0.01
