"""The HTML of the page comes from `ui/templates/`: Jinja2 escapes every value there that is not HTML already.

    render("job.problem", message="a < b")   the macro `problem` of templates/job.html

What a macro gives may be put into another one as it is. A macro takes the values that it names and no others, and one
that is missing is an error.
"""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from dance_demo.forms import FORMS, display_name
from dance_demo.model.description import counted, measured, one_of, percent

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"


def render(name: str, /, **values: Any) -> Markup:
    """The HTML of one macro, by "file.macro" (without the ending of the file)."""
    file, _, macro = name.partition(".")
    html: Markup = getattr(_environment.get_template(f"{file}.html").module, macro)(**values)
    return html.strip()


def text(sentence: str) -> Markup:
    """A sentence as HTML that shows it, for what takes HTML only."""
    return escape(sentence)


def unbroken(sentence: str) -> str:
    """The same with no line break before a percent sign."""
    return sentence.replace(" %", "\N{NO-BREAK SPACE}%")


def count(number: int, thing: str, things: str = "") -> str:
    """``1 photo``, ``1,200 photos``; `things` where an s does not make the plural."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def share(part: int, whole: int) -> str:
    """``37 %``, which no line breaks in two."""
    return f"{100 * part / whole:.0f}\N{NO-BREAK SPACE}%"


def accuracy(value: float) -> str:
    """``89.8 %``, which no line breaks in two."""
    return unbroken(measured(value))


_environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_environment.globals.update(
    FORMS=FORMS,
    accuracy=accuracy,
    count=count,
    counted=counted,
    one_of=one_of,
    share=share,
    display_name=display_name,
    percent=percent,
)
_environment.filters.update(display_name=display_name, unbroken=unbroken)
