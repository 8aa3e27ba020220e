"""How the page looks: warm paper, dark ink, one accent, the red of kumkum. No font comes from another server."""

import re
from collections.abc import Iterable
from pathlib import Path

import gradio as gr

# Folders with a style sheet of their own, in the order in which they are joined.
STYLED = ("components", "classify", "about", "live", "video", "train", "quiz", "many", "inspect")
# Comes with Gradio; of Lora and Source Sans 3 it carries the Cyrillic letters only. Headings: components/style.css.
FONTS = (gr.themes.LocalFont("Source Sans Pro", weights=(400, 700)), "ui-sans-serif", "system-ui", "sans-serif")
FONT_FILES = [f"static/fonts/SourceSansPro/SourceSansPro-{weight}.woff2" for weight in ("Regular", "Bold")]

# Eleven shades each, from the lightest to the darkest: Gradio's 50 to 950.
ACCENT_SHADES = "#fdf3ef #fbe3da #f6c5b5 #f0a28a #e87d60 #cf5a40 #ad3a2a #8d2d21 #71251c #5a1f19 #33100c"
PAPER_SHADES = "#fbf8f3 #f4eee5 #e8dfd2 #d5c8b7 #a89988 #837566 #675b4f #4c423a #2f2823 #1f1a17 #151110"


def css(names: Iterable[str] = STYLED) -> str:
    """The style sheets of these folders, joined, without spaces that say nothing: every visit fetches them."""
    folder = Path(__file__).parents[1]
    sheets = "\n".join((folder / name / "style.css").read_text(encoding="utf-8") for name in names)
    return re.sub(r"([:,]) +", r"\1", sheets)


def theme() -> gr.themes.Base:
    """Colours by role; names with `_dark` are for dark mode."""
    accent = gr.themes.Color(*ACCENT_SHADES.split())
    return gr.themes.Base(
        primary_hue=accent,
        secondary_hue=accent,
        neutral_hue=gr.themes.Color(*PAPER_SHADES.split()),
        radius_size=gr.themes.sizes.radius_lg,
        font=FONTS,
        font_mono=("ui-monospace", "Consolas", "monospace"),
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color="*neutral_800",
        body_text_color_dark="*neutral_100",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        background_fill_primary="white",
        background_fill_primary_dark="*neutral_900",
        background_fill_secondary="*neutral_50",
        background_fill_secondary_dark="*neutral_950",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_color="*neutral_200",
        block_border_color_dark="*neutral_800",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="*neutral_300",
        block_shadow="none",
        border_color_primary="*neutral_200",
        border_color_primary_dark="*neutral_800",
        border_color_accent="*primary_500",
        border_color_accent_dark="*primary_400",
        color_accent="*primary_600",
        color_accent_soft="*primary_50",
        color_accent_soft_dark="*neutral_800",
        checkbox_background_color_selected="*primary_600",
        checkbox_border_color_selected="*primary_600",
        checkbox_label_background_fill_selected="*primary_50",
        checkbox_label_background_fill_selected_dark="*neutral_800",
        checkbox_label_text_color_selected="*neutral_900",
        checkbox_label_text_color_selected_dark="*neutral_50",
        button_secondary_background_fill="transparent",
        button_secondary_background_fill_hover="*neutral_100",
        button_secondary_background_fill_hover_dark="*neutral_800",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_700",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_text_color="white",
        slider_color="*primary_600",
        slider_color_dark="*primary_400",
        stat_background_fill="*primary_600",
        stat_background_fill_dark="*primary_400",
        loader_color="*primary_600",
        link_text_color="*primary_600",
        link_text_color_dark="*primary_300",
        link_text_color_hover="*primary_700",
        link_text_color_hover_dark="*primary_200",
        link_text_color_visited="*primary_600",
        link_text_color_visited_dark="*primary_300",
    )
