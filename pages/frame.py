"""The picture frame: page config, menu, the loop map, and errors said in one sentence. Runs before every page."""

from pathlib import Path

import streamlit as st

from mlops_core.errors import MlopsError
from pages.kit import blocks, session
from pages.kit.components.loop_map import loop_map
from pages.kit.places import PLACES
from pages.kit.stages import stages

st.set_page_config(
    page_title=session.plain("app.title"),
    page_icon=str(Path(__file__).parent / "static" / "favicon.png"),
    layout="wide",
    menu_items={"About": session.t("app.about")},
)

pages = {
    place.name: st.Page(
        place.file,
        title=session.plain(f"page.{place.name}.title"),
        icon=place.icon,
        url_path=place.path or None,
        default=place.name == "start",
        help=session.plain(f"page.{place.name}.nav"),
    )
    for place in PLACES
}
page = st.navigation(list(pages.values()), position="top")
current = next(name for name, known in pages.items() if known is page or known.url_path == page.url_path)

with (
    st.container(horizontal_alignment="center", key="desk"),
    st.container(width=1240, key="sheet"),
):
    try:
        workspace = session.open_workspace()
        if session.map_unfolded(current):
            wanted = loop_map(stages(workspace), current, label=session.plain("map.label"))
            if wanted and wanted != current:
                st.switch_page(pages[wanted])
        session.visit(current)
        page.run()
    except MlopsError as error:
        blocks.problem(error)
