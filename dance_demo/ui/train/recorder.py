"""The camera of "Class by class": photos for as long as a button is held, and a head that answers it meanwhile.

    hold -> photos in the browser -> let go: uploaded as any photo is -> put into their class -> a head is fitted to all

What is shown runs in the browser (record.js). The head is a quick one (`training.quick`), which nothing has judged: it
answers pictures by the route of the tab "Live", and is gone when a training has made a better one.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from dance_demo.data.intake import TypedClass
from dance_demo.errors import DatasetError
from dance_demo.training.quick import QuickHeads
from dance_demo.ui.components.camera import camera_script
from dance_demo.ui.components.html import render
from dance_demo.ui.components.job_step import QUICK
from dance_demo.ui.live.frames import LiveFrames
from dance_demo.ui.server.files import own_upload
from dance_demo.ui.server.gradio_routes import LIVE_FRAME, UPLOAD
from dance_demo.ui.server.guard import Limits
from dance_demo.ui.train.typed_classes import with_class

# Fitting must not wait behind anybody's photo, nor anybody's photo behind it.
FIT_LINE: dict[str, Any] = QUICK | {
    "concurrency_id": "quick heads",
    "concurrency_limit": 1,
    "trigger_mode": "always_last",
}


class Recorder:
    """The components, and what happens to a recording. `classes` holds the visitor's `TypedClass`es."""

    def __init__(self, frames: LiveFrames, quick_heads: QuickHeads, classes: gr.State) -> None:
        self.frames, self.quick_heads, self.classes = frames, quick_heads, classes
        self.model = gr.State("")  # by which the camera's pictures name the head

    def lay_out(self) -> None:
        script = camera_script(Path(__file__).with_name("record.js"))
        with gr.Column(elem_id="recorded"):  # which the script looks for when it starts
            self.taken = gr.HTML(render("train/record.taken", serial=0))
            self.answering = gr.HTML(render("train/record.answering", model=""))
        self.camera = gr.HTML(render("train/record.camera", url=LIVE_FRAME, upload=UPLOAD), js_on_load=script)
        self.classes.change(self.fit, [self.classes, self.model], [self.model, self.answering], **FIT_LINE)

    def taken_into(self, classes: Sequence[TypedClass], click: gr.EventData) -> tuple[TypedClass, ...]:
        """The classes with the recording that a browser has sent. Raises DatasetError or PhotoError."""
        name, paths = getattr(click, "name", None), getattr(click, "paths", None)
        if not isinstance(name, str) or not isinstance(paths, list) or not 0 < len(paths) <= Limits().upload_files:
            raise DatasetError("This recording could not be understood. Reload the page, and try again.")
        return with_class(classes, name, [own_upload(path) for path in paths], recorded=True)

    def acknowledged(self, click: gr.EventData) -> str:
        """Tells the script that this recording was dealt with: the next one may come."""
        serial = getattr(click, "serial", None)
        return render("train/record.taken", serial=serial if isinstance(serial, int) else 0)

    def fit(self, classes: Sequence[TypedClass], model: str) -> tuple[str, str]:
        """Fit the head anew, and say by which word the camera asks it; none below two classes with photos."""
        classifier = self.quick_heads.fit({kind.name: kind.photos for kind in classes if kind.photos})
        if classifier is None:
            return model, render("train/record.answering", model="")
        model = self.frames.number_of(classifier, instead_of=model)
        return model, render("train/record.answering", model=model)
