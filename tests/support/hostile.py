"""Forty texts that have broken pages, logs, tables and figures elsewhere: as names of classes, files and cells.

Each is an ordinary name here, and must be shown as the letters that it is made of. Those that try something call
`alert`, which a test in a browser notices as a dialog, or load something from `evil.example`, which it notices as a
foreign request.
"""

import re
import unicodedata
from html.parser import HTMLParser

HOSTILE = (
    # markup that would run
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    '<a href="javascript:alert(1)" autofocus>a</a>',
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "<template><script>alert(1)</script></template>",
    "</title></textarea></style><script>alert(1)</script>",
    "<!--><script>alert(1)</script-->",
    "<sCrIpT>alert(1)</ScRiPt>",
    "<<script>alert(1)//<</script>",
    '" onmouseover="alert(1)" style="position:fixed;inset:0',
    "' autofocus onfocus='alert(1)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;img src=x onerror=alert(1)&#62;",
    # what would call another server
    "<img src=http://evil.example/a.png>",
    "<link rel=stylesheet href=//evil.example/a.css>",
    "<style>@import 'http://evil.example/a.css';</style>",
    "![a](http://evil.example/a.png)",
    "[a](javascript:alert(1))",
    "<meta http-equiv=refresh content='0;url=http://evil.example/'>",
    # templates, formulas, typesetting, paths
    "${alert(1)}{{alert(1)}}<%= alert(1) %>#{alert(1)}",
    "{0.__class__} %s %n {name!r}",
    '=cmd|"/c calc"!A1',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    r"$\frac$ $\badcmd$ \input{/etc/passwd}",
    "../../etc/passwd",
    "nan",
    # letters that mislead
    "kathak\u202egpj.exe",
    "ka\u200bthak\u00ad",
    "Z\u0351\u036b\u0343\u036a\u0302a\u030d\u0352\u036fl\u034fg\u0489o\u0321",
    "\U0001f469\u200d\U0001f3a4 \U000e0001\ufdfd \u0915\u0925\u0915 \u0631\u0642\u0635",
    "W" * 100,
)


def as_file_names() -> list[str]:
    """The texts as names of files, without what no browser would send as a part of one."""
    return [re.sub(r"[/\\]", "_", text) + ".jpg" for text in HOSTILE]


def visible(text: str) -> str:
    """The letters that one sees, so that a page may leave out marks that steer, and join spaces."""
    shown = "".join(letter for letter in unicodedata.normalize("NFC", text) if unicodedata.category(letter) != "Cf")
    return " ".join(shown.split())


class Skeleton(HTMLParser):
    """The elements of a piece of HTML with the names of their attributes, and beside them the text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple] = []
        self.texts: list[str] = []
        self.values: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.values += [value or "" for _, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        self.elements.append(("/", tag))

    def handle_comment(self, data: str) -> None:
        self.elements.append(("!", data))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
