"""The wall's page: elements made once a client, then only their changed texts and classes are pushed.

Nothing is decided here; what is shown, in which words and which tone, is in the view (`dashboards.view`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.label import Label

from dashboards.charts import Bar, Theme, flow_options
from dashboards.texts import Texts
from dashboards.view import PARTITIONS_SHOWN, RANKED, AgencyRow, Tile, WallView

# The page's own watch over its server: without a new beat this long, it says so itself.
LOST_AFTER_SECONDS = 5
_WATCH = """
<script>
document.documentElement.lang = "%(lang)s";
document.documentElement.classList.toggle("light", %(light)s);
(() => {
  let beat = null, since = Date.now();
  setInterval(() => {
    const seen = document.getElementById("beat")?.textContent;
    if (seen !== undefined && seen !== beat) { beat = seen; since = Date.now(); }
    const silent = Math.floor((Date.now() - since) / 1000), lost = silent >= %(after)d;
    document.documentElement.classList.toggle("lost", lost);
    const line = document.getElementById("lost");
    if (line && lost) line.textContent = "%(lost)s".replace("{age}", silent);
  }, 500);
})();
</script>
"""


def _box(classes: str) -> Element:
    return ui.element("div").classes(classes)


def _label(classes: str) -> Label:
    return ui.label().classes(classes)


class Wall:
    """The elements of one client. `show(view)` brings them to a view; unchanged texts cost nothing."""

    def __init__(self, texts: Texts, theme: Theme) -> None:
        ui.add_css(files("dashboards").joinpath("wall.css").read_text("utf-8"))
        ui.add_head_html(
            _WATCH
            % {
                "lang": texts.lang,
                "light": "true" if theme == "light" else "false",
                "after": LOST_AFTER_SECONDS,
                "lost": texts.lost,
            }
        )
        self._beat = 0
        ui.element("div").props("id=lost role=alert")
        with ui.element("main").props("id=wall") as self._wall:
            parts: Sequence[Callable[[WallView], None]] = (
                _head(texts),
                _banner(),
                _tiles("tiles first", 4),
                _tiles("tiles second", 5, skip=4),
                _low(texts, theme),
                _foot(texts),
            )
            self._beat_label = ui.label().classes("hidden").props("id=beat")
        self._parts = parts

    def show(self, view: WallView) -> None:
        """Pushes what has changed since the last view."""
        self._beat += 1
        self._beat_label.set_text(str(self._beat))
        self._wall.classes(replace=f"{view.state} stopped" if view.alarm else view.state)
        for part in self._parts:
            part(view)


def _head(texts: Texts) -> Callable[[WallView], None]:
    with _box("head"):
        with _box(""):
            ui.label(texts.title).classes("title")
            ui.label(texts.subtitle).classes("subtitle")
        with _box("time"):
            date, clock, age = _label("date"), _label("clock"), _label("age")

    def show(view: WallView) -> None:
        date.set_text(view.date)
        clock.set_text(view.clock)
        age.set_text(view.age)

    return show


def _banner() -> Callable[[WallView], None]:
    with _box("banner").props("role=alert") as box:
        line, why = _label("line"), _label("why")

    def show(view: WallView) -> None:
        box.classes(replace="banner" if view.banner else "banner hidden")
        line.set_text(view.banner)
        why.set_text(view.why)

    return show


def _tiles(classes: str, number: int, skip: int = 0) -> Callable[[WallView], None]:
    with _box(classes):
        made = [_tile() for _ in range(number)]

    def show(view: WallView) -> None:
        for one, tile in zip(made, view.tiles[skip:], strict=False):
            one(tile)

    return show


def _tile() -> Callable[[Tile], None]:
    with _box("tile") as box:
        label, value, note = _label("label"), _label("value"), _label("note")

    def show(tile: Tile) -> None:
        box.classes(replace=f"tile {tile.tone}").props(f"data-figure={tile.key}")
        label.set_text(tile.label)
        # A longer figure is written smaller, so that it never leaves its tile.
        value.style(f"--characters: {max(1, len(tile.value))}").set_text(tile.value)
        note.set_text(tile.note)

    return show


def _low(texts: Texts, theme: Theme) -> Callable[[WallView], None]:
    with _box("low"):
        ranking, flow = _ranking(texts), _flow(texts, theme)

    def show(view: WallView) -> None:
        ranking(view)
        flow(view)

    return show


def _ranking(texts: Texts) -> Callable[[WallView], None]:
    with _box("panel ranking"):
        with _box("panel-head"):
            title = _label("")
        none = _label("none")
        with _box("rows") as rows:
            with _box("row heading"):
                ui.label(texts.agency).classes("name")
                _box("track")
                ui.label(texts.open).classes("number open")
                ui.label(texts.late).classes("number")
                ui.label(texts.late_share).classes("number")
            made = [_row() for _ in range(RANKED)]

    def show(view: WallView) -> None:
        title.set_text(view.agencies_title)
        none.set_text(view.no_agencies)
        none.classes(replace="none hidden" if view.agencies else "none")
        rows.classes(replace="rows" if view.agencies else "rows hidden")
        for place, one in enumerate(made):
            one(view.agencies[place] if place < len(view.agencies) else None)

    return show


def _row() -> Callable[[AgencyRow | None], None]:
    with _box("row") as box:
        name = _label("name")
        with _box("track"):
            bar = _box("bar")
        open_, late, share = _label("number open"), _label("number late"), _label("number share")

    def show(row: AgencyRow | None) -> None:
        box.classes(replace="row" if row else "row hidden")
        if row is None:
            return
        name.set_text(row.name)
        bar.style(f"width: {row.late_part:.1%}")
        open_.set_text(row.open)
        late.set_text(row.late)
        share.set_text(row.late_share)

    return show


def _flow(texts: Texts, theme: Theme) -> Callable[[WallView], None]:
    drawn: list[tuple[Bar, ...]] = [()]
    with _box("panel"):
        with _box("panel-head"):
            ui.label(texts.flow)
            now = _label("quiet")
        none = _label("none")
        chart = ui.echart(flow_options((), theme, texts.lang)).classes("flow")

    def show(view: WallView) -> None:
        now.set_text(view.flow_now)
        none.set_text(view.no_flow)
        none.classes(replace="none hidden" if view.flow else "none")
        chart.classes(replace="flow" if view.flow else "flow hidden")
        if view.flow != drawn[0]:
            drawn[0] = view.flow
            chart.options.clear()
            chart.options.update(flow_options(view.flow, theme, texts.lang))
            chart.update()

    return show


def _foot(texts: Texts) -> Callable[[WallView], None]:
    with _box("foot"):
        progress = _label("")
        with _box("parts"):
            parts = [_label("") for _ in range(PARTITIONS_SHOWN)]
        with _box("refused"):
            ui.label(texts.dead_letters)
            dead_letters = _label("strong")

    def show(view: WallView) -> None:
        progress.set_text(view.progress)
        dead_letters.set_text(view.dead_letters)
        for place, label in enumerate(parts):
            known = place < len(view.partitions)
            label.set_text(view.partitions[place].text if known else "")
            label.classes(replace="hidden" if not known else "act" if view.partitions[place].act else "part-label")

    return show
