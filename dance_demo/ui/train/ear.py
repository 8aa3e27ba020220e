"""The ear of the step "Use": a model that listens hears a file or the microphone, and shows where it listened."""

from dance_demo.model.preprocessing import TITLES, WAVEFORM, WAVELET
from dance_demo.predict.sound import Listened, ShownPicture
from dance_demo.ui.components.html import render
from dance_demo.ui.server.files import address, hand_out

# The pictures grow from left to right while the sound plays. Events of media do not rise to their parents: capture.
GROW = """element.addEventListener("play", event => {
  const audio = event.target, pictures = element.querySelector(".ear-pictures");
  const draw = () => {
    const plays = !audio.paused && !audio.ended;
    pictures.style.setProperty("--played", audio.currentTime / audio.duration || 0);
    pictures.classList.toggle("playing", plays);
    if (plays && pictures.isConnected) requestAnimationFrame(draw);
  };
  draw();
}, true);"""


def heard(listened: Listened) -> str:
    """The answer, the piece that speaks most for it to be played, and its pictures."""
    place = listened.answer["listened_to"]
    return render(
        "train/use.heard",
        sentence=listened.sentence,
        notes=listened.notes,
        predictions=listened.answer["predictions"][:3],
        familiar=not listened.sentence.startswith("This does not sound"),
        start_s=listened.start_s,
        end_s=listened.end_s,
        audio=address(hand_out(listened.audio, "piece.wav")),
        pictures=[_picture(picture, place["picture"] if place else "") for picture in listened.pictures],
        pieces=listened.answer["pieces"],
    )


def _picture(picture: ShownPicture, hottest: str) -> dict[str, object]:
    return {
        "url": address(hand_out(picture.overlay or picture.plain, "picture.png")),
        "title": TITLES[picture.kind],
        "looked": picture.overlay is not None,
        "hottest": picture.kind == hottest,
        "range": {WAVEFORM: "no frequencies", WAVELET: "40 Hz to 10 kHz"}.get(picture.kind, "0 to 11 kHz"),
    }
