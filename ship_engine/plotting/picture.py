"""The drawing of a network by matplotlib: boxes, arrows, labels and their legend."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from ship_engine.plotting.curves import Box, Curve, arrow_curves
from ship_engine.plotting.layout import Point, arrange

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ship_engine.plotting.elements import DrawnEdge, DrawnGroup

MOST_DETAILED = 120
"""Networks of more groups are drawn without details."""
MARGIN = 0.4
LEGEND_HEIGHT = 0.7
DELAY_SIZE = 6.8
LONGEST_TEXT = 26

COLOURS = {
    "input": ("#dbe9f6", "#3b74ad"),
    "neuron": ("#e3f1df", "#4a8f43"),
    "synapse": ("#f6f3ec", "#a39881"),
}
"""Of each kind of group: inside and border."""
NAMES = {"input": "input", "neuron": "neurons", "synapse": "synapses"}
OUTPUT = "#d07f1c"
ARROW = "#6b7178"
BACKWARD = "#b3372f"
TEXT = "#22262b"
FAINT = "#62686f"
DASHES = (0, (4.0, 2.2))

Rectangle = tuple[float, float, float, float]


class Picture:
    """Where everything goes, in inches, and how it is drawn.

    Parameters
    ----------
    groups, edges, stack
        As `ship_engine.plotting.drawing.draw` takes them.

    Attributes
    ----------
    width, height : float
        Of the whole picture.
    """

    def __init__(
        self, groups: Sequence[DrawnGroup], edges: Sequence[DrawnEdge], stack: Sequence[str]
    ) -> None:
        self.detailed = len(groups) <= MOST_DETAILED
        self.place = {id: k + 1 for k, id in enumerate(stack)}
        between = _between(groups, edges)
        if self.detailed:
            self.groups, self.edges = list(groups), [_Arrow(e.source, e.target, e) for e in edges]
        else:
            self.groups = [group for group in groups if group.id not in between]
            self.edges = _joined(edges, between)
        number = {group.id: k for k, group in enumerate(self.groups)}
        sizes = [self._size(group) for group in self.groups]
        layout = arrange(
            sizes,
            [(number[edge.source], number[edge.target]) for edge in self.edges],
            {
                number[id]: (number[source], number[target])
                for id, (source, target) in between.items()
                if self.detailed
            },
            gap=self._gap(),
        )
        self.legend = self._legend_entries()
        self.caption = self._caption()
        below = [sum(_legend_width(text) for _, text in self.legend), _width(self.caption, 8.0)]
        self.width = max(layout.width, *below) + 2.0 * MARGIN + 2.0 * layout.side
        self.height = layout.height + 2.0 * MARGIN + LEGEND_HEIGHT
        left = (self.width - layout.width) / 2.0
        bottom = MARGIN + LEGEND_HEIGHT

        def moved(point: Point) -> Point:
            return point[0] + left, point[1] + bottom

        self.boxes = [
            Box(*moved(centre), *size, column)
            for centre, size, column in zip(layout.centres, sizes, layout.columns, strict=True)
        ]
        self.curves = arrow_curves(
            self.boxes,
            [(number[edge.source], number[edge.target]) for edge in self.edges],
            [[moved(point) for point in points] for points in layout.points],
            layout.hanging,
            self.width / 2.0,
        )

    def draw(self, axes: Axes) -> None:
        """Draw all of it; the axes are given the limits and the aspect that it needs."""
        axes.set_axis_off()
        axes.set_xlim(0.0, self.width)
        axes.set_ylim(0.0, self.height)
        axes.set_aspect("equal")
        figure: Any = axes.get_figure()
        inside = axes.get_window_extent()
        scale = min(inside.width / self.width, inside.height / self.height) / figure.dpi
        pen = _Pen(axes, scale)
        for edge, curve in zip(self.edges, self.curves, strict=True):
            pen.arrow(curve, edge.backward, not self.detailed)
            if not self.detailed and edge.through:
                pen.dot(curve.at(0.5), 0.04, COLOURS["synapse"][1])
        for group, box in zip(self.groups, self.boxes, strict=True):
            self._draw_group(pen, group, box)
        if self.detailed:
            self._draw_delays(pen)
        self._draw_legend(pen)

    def _size(self, group: DrawnGroup) -> tuple[float, float]:
        if not self.detailed:
            return max(_width(_short(group.id), 7.0) + 0.2, 0.5), 0.36
        large, small = (9.5, 7.5) if group.kind != "synapse" else (8.0, 6.5)
        first, second = _short(group.id), self._second_line(group)
        least = 0.9 if group.kind != "synapse" else 0.7
        width = max(1.12 * _width(first, large), _width(second, small)) + 0.3
        return max(width, least), 0.56 if group.kind != "synapse" else 0.44

    def _gap(self) -> float:
        """Between columns, so that the longest delay can be read there."""
        if not self.detailed:
            return 0.5
        return 0.42 + max((_width(_delay(e.delay), DELAY_SIZE) for e in self.edges), default=0.0)

    def _second_line(self, group: DrawnGroup) -> str:
        if not self.detailed:
            return f"{self.place[group.id]}"
        return f"{_short(group.model)} · {group.size:,}"

    def _draw_group(self, pen: _Pen, group: DrawnGroup, box: Box) -> None:
        inside, border = COLOURS[group.kind]
        pen.box(box, inside, OUTPUT if group.is_output else border, 2.0 if group.is_output else 1.0)
        synapse = group.kind == "synapse"
        large, small = (8.0, 6.5) if synapse else (9.5, 7.5)
        if not self.detailed:
            large, small = 7.0, 5.0
        third = box.height * 0.19
        pen.text((box.x, box.y + third), _short(group.id), large, TEXT, bold=not synapse)
        pen.text((box.x, box.y - third), self._second_line(group), small, FAINT)
        if self.detailed:
            corner = box.x - box.width / 2.0, box.y + box.height / 2.0
            pen.badge(corner, str(self.place[group.id]))

    def _draw_delays(self, pen: _Pen) -> None:
        """Each beside its arrow where there is room, and else not far from it."""
        taken = [box.rectangle(0.02) for box in self.boxes]
        for edge, curve in zip(self.edges, self.curves, strict=True):
            text = _delay(edge.delay)
            if not text:
                continue
            half = _width(text, DELAY_SIZE) / 2.0 + 0.02, 0.065
            spots = _spots(curve, half[0])
            places = [(x - half[0], y - half[1], x + half[0], y + half[1]) for x, y in spots]
            free = (k for k, p in enumerate(places) if not any(_overlap(p, q) for q in taken))
            best = next(free, 0)
            taken.append(places[best])
            pen.text(
                spots[best], text, DELAY_SIZE, BACKWARD if edge.backward else TEXT, ground=True
            )

    def _legend_entries(self) -> list[tuple[str, str]]:
        kinds = [kind for kind in COLOURS if any(group.kind == kind for group in self.groups)]
        entries = [(kind, NAMES[kind]) for kind in kinds]
        if any(group.is_output for group in self.groups):
            entries.append(("output", "output"))
        if not self.detailed and any(edge.through for edge in self.edges):
            entries.append(("dot", "synapses"))
        if any(edge.backward for edge in self.edges):
            entries.append(("backward", "reads the previous step"))
        return entries

    def _caption(self) -> str:
        ids = " → ".join(sorted(self.place, key=self.place.__getitem__))
        return f"stack: {ids}" if len(ids) <= 70 else ""

    def _draw_legend(self, pen: _Pen) -> None:
        x = (self.width - sum(_legend_width(text) for _, text in self.legend)) / 2.0
        y = MARGIN
        for kind, text in self.legend:
            sample = Box(x + 0.15, y, 0.26, 0.15)
            if kind == "backward":
                line = Curve([(x, y), (x + 0.1, y), (x + 0.2, y), (x + 0.32, y)])
                pen.arrow(line, True, False)
            elif kind == "dot":
                pen.dot((x + 0.2, y), 0.04, COLOURS["synapse"][1])
            else:
                inside, border = COLOURS.get(kind, ("white", OUTPUT))
                pen.box(sample, inside, border, 2.0 if kind == "output" else 1.0)
            pen.text((x + 0.4, y), text, 7.5, TEXT, left=True)
            x += _legend_width(text)
        if self.caption:
            pen.text((self.width / 2.0, y + 0.32), self.caption, 8.0, FAINT)


class _Arrow:
    """One arrow; without details it stands for two edges and the synapses between them."""

    def __init__(self, source: str, target: str, *edges: DrawnEdge) -> None:
        self.source, self.target = source, target
        self.delay = edges[0].delay
        self.backward = any(edge.backward for edge in edges)
        self.through = len(edges) > 1


class _Pen:
    """Draws on axes whose unit is an inch of the picture; `scale` is how long that is."""

    def __init__(self, axes: Axes, scale: float) -> None:
        self._axes, self._scale = axes, scale

    def box(self, box: Box, inside: str, border: str, line: float) -> None:
        rounding = min(0.09, box.height / 3.0)
        self._axes.add_patch(
            FancyBboxPatch(
                (box.x - box.width / 2.0, box.y - box.height / 2.0),
                box.width,
                box.height,
                boxstyle=f"round,pad=0,rounding_size={rounding}",
                facecolor=inside,
                edgecolor=border,
                linewidth=line * self._scale,
                zorder=3.0,
            )
        )

    def arrow(self, curve: Curve, backward: bool, thin: bool) -> None:
        codes = [Path.MOVETO, *[Path.CURVE4] * (len(curve.vertices) - 1)]
        self._axes.add_patch(
            FancyArrowPatch(
                path=Path(curve.vertices, codes),
                arrowstyle="-|>,head_length=0.55,head_width=0.26",
                mutation_scale=(7.0 if thin else 10.0) * self._scale,
                color=BACKWARD if backward else ARROW,
                linestyle=DASHES if backward else "solid",
                linewidth=(0.6 if thin else 1.1) * self._scale,
                alpha=0.55 if thin else 1.0,
                zorder=2.0,
            )
        )

    def dot(self, place: Point, radius: float, colour: str) -> None:
        self._axes.add_patch(Circle(place, radius, facecolor=colour, linewidth=0.0, zorder=2.5))

    def badge(self, place: Point, text: str) -> None:
        radius = 0.09 if len(text) < 3 else 0.12
        self._axes.add_patch(Circle(place, radius, facecolor=TEXT, edgecolor="white", zorder=4.0))
        self.text(place, text, 6.2, "white", bold=True, height=4.5)

    def text(
        self,
        place: Point,
        text: str,
        size: float,
        colour: str,
        bold: bool = False,
        left: bool = False,
        ground: bool = False,
        height: float = 3.5,
    ) -> None:
        self._axes.text(
            *place,
            text,
            fontsize=size * self._scale,
            color=colour,
            fontweight="bold" if bold else "normal",
            horizontalalignment="left" if left else "center",
            verticalalignment="center_baseline",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8} if ground else None,
            parse_math=False,
            zorder=height,
        )


def _between(
    groups: Sequence[DrawnGroup], edges: Sequence[DrawnEdge]
) -> dict[str, tuple[str, str]]:
    """The synapses that have one source and one target, and these."""
    sources: dict[str, list[str]] = {group.id: [] for group in groups if group.kind == "synapse"}
    targets: dict[str, list[str]] = {id: [] for id in sources}
    for edge in edges:
        if edge.target in sources:
            sources[edge.target].append(edge.source)
        if edge.source in targets:
            targets[edge.source].append(edge.target)
    found = {}
    for id, ends in sources.items():
        both = [*ends, *targets[id]]
        if len(ends) == len(targets[id]) == 1 and not any(end in sources for end in both):
            found[id] = (both[0], both[1])
    return found


def _joined(edges: Sequence[DrawnEdge], between: Mapping[str, tuple[str, str]]) -> list[_Arrow]:
    """One arrow for each of the synapses, and for each edge that leads to none of them."""
    parts: dict[str, list[DrawnEdge]] = {id: [] for id in between}
    joined = []
    for edge in edges:
        if edge.source in parts:
            parts[edge.source].append(edge)
        elif edge.target in parts:
            parts[edge.target].append(edge)
        else:
            joined.append(_Arrow(edge.source, edge.target, edge))
    return joined + [_Arrow(*between[id], *both) for id, both in parts.items()]


def _spots(curve: Curve, half: float) -> list[Point]:
    """Where the middle of a delay may stand, best first; `half` is half its width."""
    spots = [curve.start(t) for t in (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8)]
    (_, y), (_, v) = curve.start(0.0), curve.start(1.0)
    if curve.is_upright():  # arrows back run to the right of those forth
        beside = half + 0.05 if v > y else -half - 0.05
        spots = [(x + beside, y) for x, y in spots]
    return spots + [(x, y + shift) for shift in (0.14, -0.14) for x, y in spots]


def _delay(delay: float | tuple[float, float]) -> str:
    least, greatest = delay if isinstance(delay, tuple) else (delay, delay)
    if greatest == 0.0:
        return ""
    low, high = f"{least:.3g}", f"{greatest:.3g}"
    return f"{high} ms" if low == high else f"{low}–{high} ms"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _width(text: str, size: float) -> float:
    """About how wide a text is, in inches; a wide letter is as wide as its font is high."""
    return sum(map(_letter, text)) * size / 72.0


def _letter(letter: str) -> float:
    if unicodedata.east_asian_width(letter) in "WF" or letter in "WMmw@%…—":
        return 1.0
    if letter in "iIjlft.,:;'|!()[]· ":
        return 0.4
    return 0.74 if letter.isupper() else 0.64


def _legend_width(text: str) -> float:
    return 0.6 + _width(text, 7.5)


def _overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
