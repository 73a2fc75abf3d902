"""The champion answers on the screen: one flight, the same question over HTTP, and what a bad row gets.

answers(champion)
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import streamlit as st

from mlops_core import http, registry, release
from mlops_core.errors import MlopsError
from mlops_core.plain import plain as plain_value
from mlops_core.project import describe, template_of
from mlops_core.serving import SchemaError, Scorer, from_workspace
from pages.kit import blocks, session
from pages.kit.session import t

ASKED = ("carrier", "origin", "dest", "hour", "temp", "wind_speed", "precip", "visib")


def scorer_of(champion: registry.ModelVersion) -> Scorer:
    """The champion's scorer, loaded once for its digest."""
    workspace = session.workspace()
    key = f"{workspace.root}:{champion.version}:{champion.digest}"
    schema, costs = template_of(workspace).schema, release.costs_of(workspace)
    return session.keep("delivery.scorer", key, lambda: from_workspace(workspace, schema, costs.threshold))


def real_flight(scorer: Scorer) -> dict[str, Any]:
    """The flight in the middle of the first day of the stream, as the model reads it."""
    course = template_of(session.workspace())
    year = session.year()
    rows = year[year[str(course.schema.day)] == pd.Timestamp(course.stream_start)]
    row = rows.iloc[len(rows) // 2]
    return {name: plain_value(row[name]) for name in scorer.features}


def ask(place: Any, name: str, value: Any) -> Any:
    """A field for one column, with the range the schema promises."""
    column, key = template_of(session.workspace()).schema.column(name), f"delivery.flight.{name}"
    label = f"{name} ({column.unit})" if column.unit else name
    if column.kind == "category":
        return place.text_input(label, str(value), key=key, max_chars=10)
    if column.integer:
        return place.number_input(label, value=int(value or 0), step=1, key=key)
    return place.number_input(label, value=float(value or 0.0), key=key)


@st.fragment
def answers(champion: registry.ModelVersion) -> None:
    """One flight, changed at will; the answer, the same over HTTP, and what a bad row gets."""
    scorer = scorer_of(champion)
    flight = real_flight(scorer)
    left, right = blocks.two_columns()
    with left:
        shown = [name for name in ASKED if name in flight]
        columns = st.columns(2)
        for at, name in enumerate(shown):
            flight[name] = ask(columns[at % 2], name, flight[name])
        try:
            answer = scorer.score([flight])[0]
        except MlopsError as error:
            blocks.problem(error)
            return
        word = "delivery.flagged" if answer.flagged else "delivery.not_flagged"
        blocks.metrics(
            [blocks.Metric(t("delivery.probability"), f"{answer.probability:.1%}", t(word, threshold=answer.threshold))]
        )
        if answer.unseen:
            blocks.note(t("delivery.unseen", columns=", ".join(answer.unseen)))
    with right:
        token, place = describe(session.workspace())["token"], urlsplit(str(st.context.url or ""))
        base = f"{place.scheme}://{place.netloc}" if place.scheme in ("http", "https") else "http://127.0.0.1:8501"
        body = json.dumps({"rows": [flight]}).replace("'", "")
        st.markdown(t("delivery.http"))
        st.code(
            f"curl -s {base}/api/w/{token}/predict \\\n  -H 'Content-Type: application/json' \\\n  -d '{body}'",
            language=None, wrap_lines=True,
        )  # fmt: skip
        st.code(json.dumps({"answers": [answer.to_dict()]}, indent=1), language=None, wrap_lines=True)
        wrong = {("temperature" if name == "temp" else name): value for name, value in flight.items()}
        try:
            scorer.score([wrong])
        except SchemaError as error:
            reply = http.reply_to(error)
            st.markdown(t("delivery.refused", status=reply.status, column=error.column))
            st.code(json.dumps(dict(reply.body), indent=1), language=None, wrap_lines=True)
