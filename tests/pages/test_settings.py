"""Settings that matter, read from the file that is delivered, and known to this Streamlit."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from streamlit import config as streamlit_config

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("browser.gatherUsageStats", False),
        ("client.showErrorDetails", "none"),
        ("client.toolbarMode", "minimal"),
        ("runner.postScriptGC", False),
        ("server.address", "127.0.0.1"),
        ("server.disconnectedSessionTTL", 3600),
        ("server.enableStaticServing", True),
        ("server.fileWatcherType", "none"),
        ("server.maxUploadSize", 5),
    ],
)
def test_setting(name: str, value: object) -> None:
    section, option = name.split(".")
    assert SETTINGS[section][option] == value
    assert name in streamlit_config._config_options_template  # postScriptGC is hidden: it may vanish


def test_hosts_are_listed() -> None:
    assert {"127.0.0.1", "localhost"} <= set(SETTINGS["server"]["allowedHosts"])
    assert "*" not in SETTINGS["server"]["allowedHosts"]


def test_every_font_is_in_the_house_with_its_licence() -> None:
    static = ROOT / "pages" / "static"
    faces = SETTINGS["theme"]["fontFaces"]
    assert {face["family"] for face in faces} == {"Inter", "JetBrains Mono"}
    for face in faces:
        assert face["url"].startswith("app/static/")
        assert (static / Path(face["url"]).name).read_bytes()[:4] == b"wOF2"
    for licence in ("inter-LICENSE.txt", "jetbrains-mono-LICENSE.txt"):
        assert "SIL Open Font License" in (static / licence).read_text()


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_colours_are_readable(mode: str) -> None:
    theme = SETTINGS["theme"][mode]
    for paper in (theme["backgroundColor"], theme["secondaryBackgroundColor"]):
        assert contrast(theme["textColor"], paper) >= 7
        assert contrast(theme["linkColor"], paper) >= 4.5
    assert contrast("#FFFFFF", theme["primaryColor"]) >= 4.5
    assert contrast(theme["primaryColor"], theme["backgroundColor"]) >= 3
    for name in ("red", "orange", "green", "blue", "violet", "gray"):
        assert contrast(theme[f"{name}TextColor"], theme[f"{name}BackgroundColor"]) >= 4.5, name
        assert contrast(theme[f"{name}TextColor"], theme["backgroundColor"]) >= 4.5, name
