"""The tab "Check this photo": facts from its file, pieces that are alike, views for the eye. Clues, no verdict.

The server reads the file once; every view is drawn in the browser (inspect.js), so that a class of thirty costs nothing
more.
"""

from typing import Any

import gradio as gr

from dance_demo.files.forensics.inspection import inspect_photo
from dance_demo.files.jpeg import jpeg
from dance_demo.files.photo import open_photo
from dance_demo.ui.components.html import render
from dance_demo.ui.components.inputs import PhotoInput
from dance_demo.ui.components.step import Step, Updates
from dance_demo.ui.inspect import markup
from dance_demo.ui.inspect.game import CopyGame
from dance_demo.ui.server.files import address, own_upload, picture_url

FOR_BROWSERS = {".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".avif"}
MAX_DECODED_SIDE_PX = 4096  # of a photo that browsers cannot draw, made into a JPEG for them
CHECK_LINE: dict[str, Any] = {"concurrency_id": "checks of photos", "concurrency_limit": 1}


class CheckTab(Step):
    """The components of the tab, and what happens when a visitor uses them."""

    failure = "A photo could not be checked"

    def lay_out(self) -> None:
        with gr.Column(elem_id="check"):
            with gr.Row(elem_id="check-head"):
                with gr.Column(elem_id="check-photo-column"):
                    self.photo = PhotoInput(
                        label="The photo to check",
                        show_label=False,
                        sources=["upload", "clipboard"],
                        placeholder="Drop the photo here\nor click to choose it",
                        alt_text="The photo that you chose to check",
                        format="jpeg",
                        height=240,
                        buttons=[],
                        elem_id="check-photo",
                    )
                with gr.Column(elem_id="check-words"):
                    self._lay_out_messages()
                    gr.HTML(render("inspect.welcome"))
                    gr.HTML(markup.elsewhere())
            gr.HTML(markup.viewer(), js_on_load=markup.script())
            self.found = gr.HTML(elem_id="check-found")
            CopyGame().lay_out()
        asked: dict[str, Any] = {"api_visibility": "private", "trigger_mode": "always_last"}
        page = [self.status, self.notice, self.found, self.photo]
        line = asked | CHECK_LINE | {"outputs": page, "show_progress": "minimal", "show_progress_on": self.photo}
        self.photo.upload(self.show, self.photo, **line)
        self.photo.clear(lambda: ("", "", "", None), None, page, **asked, queue=False)

    def show(self, upload: str | None) -> Updates:
        """Look at the photo that was put into the box."""

        def answered() -> Updates:
            path = own_upload(upload or "")
            inspection = inspect_photo(path)
            if path.suffix.lower() in FOR_BROWSERS:
                shown, box = address(path), gr.skip()
            else:
                decoded = open_photo(path, max_side_px=MAX_DECODED_SIDE_PX)
                shown, box = picture_url(jpeg(decoded, 95)), inspection.photo
            n_pieces = len(inspection.copied_regions)
            alike = f"{n_pieces} pairs of pieces that are alike" if n_pieces else "no pieces that are alike"
            return {
                self.found: markup.found(inspection, shown),
                self.status: f"The photo was looked at: {len(inspection.facts)} facts, {alike}.",
                self.notice: "",
                self.photo: box,
            }

        return self._guarded(answered, {self.found: ""})
