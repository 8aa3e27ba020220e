"""The place where a visitor puts a photo. It hands on the path of the uploaded file and opens nothing itself."""

import gradio as gr
from gradio.data_classes import ImageData


class PhotoInput(gr.Image):
    """A `gr.Image` whose value is a path, decoded by nobody yet.

    Gradio's own one tries every decoder of Pillow on the file before our code sees it; here only
    `photos.open_photo` decodes.
    """

    is_template = True  # is drawn as a gr.Image in the browser

    def preprocess(self, payload: ImageData | None) -> str | None:
        """Return the path, "" if something else than a file was sent, or None if there is no photo."""
        return None if payload is None else payload.path or ""
