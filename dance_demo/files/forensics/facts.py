"""What the file of a photo says about it, fact by fact, and what each does and does not mean.

None of it is a verdict. All of it can be written by anybody with a free program, and most of it is gone from a photo
that came through a messenger.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from dance_demo.files.forensics.credentials import AS_SIGNED, NOT_AS_SIGNED, SOURCE_TYPES, UNREADABLE, Credentials
from dance_demo.files.forensics.exif import Exif
from dance_demo.files.forensics.jpeg_tables import quality
from dance_demo.files.forensics.profile import profile_name
from dance_demo.files.forensics.segments import Segments
from dance_demo.files.forensics.thumbnail import Thumbnail
from dance_demo.files.forensics.xmp import Xmp
from dance_demo.files.text import single_line

PLACE = "Place (GPS)"  # shown on the page after a click only
_LONGEST = 300
_FORMAT_MEANINGS = {
    "JPEG": "What cameras, phones and nearly all web pages use.",
    "PNG": "Cameras do not write PNG: screenshots, drawings and image generators do, and so may whoever converted it.",
    "WebP": "Mostly written by web sites, which convert what was sent to them.",
    "GIF": "Made for drawings; a photo was converted to it.",
    "BMP": "An old format without compression; a photo was converted to it.",
    "AVIF": "Mostly written by web sites, some phones take photos in it.",
    "HEIC": "What iPhones take photos in; programs that edit photos write it seldom.",
}
_GENERATORS = {  # keyword of a PNG text -> who writes it
    "parameters": "Stable Diffusion web interfaces",
    "prompt": "ComfyUI",
    "workflow": "ComfyUI",
    "invokeai_metadata": "InvokeAI",
    "dream": "InvokeAI",
    "sd-metadata": "InvokeAI",
}
_CREDENTIALS_MEANINGS = {
    AS_SIGNED: "A signed note on how the picture was made (C2PA), and the two fit each other. Whether the note is true "
    "nobody can see.",
    NOT_AS_SIGNED: "There is a signed note on how the picture was made (C2PA). Picture or note were changed after "
    "signing, by whatever program, or the signature is wrong.",
    UNREADABLE: "A signed note on how the picture was made (C2PA) that is cut off or damaged, as when another program "
    "saved the picture.",
}


@dataclass(frozen=True)
class Fact:
    name: str
    value: str
    meaning: str  # one or two plain sentences on what it does and does not mean

    def to_json(self) -> dict[str, str]:
        return {"name": self.name, "value": self.value, "meaning": self.meaning}


@dataclass(frozen=True)
class PhotoParts:
    """All that facts are made of."""

    format: str
    n_bytes: int
    stored_size: tuple[int, int]  # width, height of the pixels in the file, before they are turned upright
    segments: Segments
    exif: Exif
    xmp: Xmp
    thumbnail: Thumbnail | None
    credentials: Credentials | None  # None: nobody looked at them


def facts(parts: PhotoParts) -> list[Fact]:
    """In the order of a close look: the file, the camera, time and place, programs, sizes, thumbnail, compression."""
    found = [
        *_file(parts),
        *_camera(parts.exif),
        *_times(parts),
        *_place(parts.exif),
        *_programs(parts),
        *_sizes(parts),
        *_thumbnail(parts),
        *_compression(parts),
        *_colours(parts.segments),
        *_texts(parts),
        *_credentials(parts),
        *_behind(parts),
    ]
    return [Fact(one.name, shown(one.value), one.meaning) for one in found]


def shown(text: str) -> str:
    """A text of a stranger on one line, at most 300 letters of it."""
    line = single_line(text[: 10 * _LONGEST])
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "\N{HORIZONTAL ELLIPSIS}"


def _file(parts: PhotoParts) -> Iterator[Fact]:
    megabytes = f"{parts.n_bytes / 1e6:.1f} MB" if parts.n_bytes >= 1e6 else f"{max(1, parts.n_bytes // 1000)} kB"
    yield Fact("File", f"{parts.format}, {megabytes}", _FORMAT_MEANINGS[parts.format])


def _camera(exif: Exif) -> Iterator[Fact]:
    make, model = exif.text("Make").strip(), exif.text("Model").strip()
    camera = model if model.casefold().startswith(make.casefold()) else f"{make} {model}".strip()
    if not exif.entries:
        yield Fact(
            "EXIF",
            "none",
            "There is no note of a camera. Messengers, social networks and screenshots remove it: "
            "that it is missing proves nothing.",
        )
        return
    if camera:
        yield Fact(
            "Camera",
            camera,
            "The file says that this camera took it. Such a note can be copied or written by anybody.",
        )
    else:
        yield Fact("Camera", "not named", "There is EXIF, but no camera in it: a program wrote or cleaned it.")
    lens = " ".join(part for part in (exif.text("LensMake"), exif.text("LensModel")) if part)
    if lens:
        yield Fact("Lens", lens, "Does it fit the camera? A phone's name with another maker's lens would be odd.")
    if exposure := _exposure(exif):
        yield Fact(
            "Exposure",
            exposure,
            "Does it fit the picture? A bright stage at night takes a long time or a high ISO; "
            "a sharp jump needs a short time.",
        )
    if serial := exif.text("SerialNumber"):
        yield Fact("Serial number", serial, "Photos of one camera carry the same one, if it was not removed.")
    if owner := exif.text("Artist") or exif.text("Copyright"):
        yield Fact("Author", owner, "Whom to ask for the original. It may have been typed in by anybody.")


def _exposure(exif: Exif) -> str:
    time, aperture = exif.number("ExposureTime"), exif.number("FNumber")
    iso, focal = exif.number("ISO"), exif.number("FocalLength")
    said = []
    if time:
        said.append(f"{time:g} s" if time >= 0.3 else f"1/{1 / time:.0f} s" if time > 1e-6 else "")
    said += [f"f/{aperture:g}"] if aperture else []
    said += [f"ISO {iso:.0f}"] if iso else []
    said += [f"{focal:g} mm"] if focal else []
    return ", ".join(part for part in said if part)


# --- time and place --------------------------------------------------------------------------------------------


def _times(parts: PhotoParts) -> Iterator[Fact]:
    exif = parts.exif
    taken, saved = _time(exif.text("DateTimeOriginal")), _time(exif.text("ModifyDate"))
    if text := exif.text("DateTimeOriginal") or exif.text("CreateDate"):
        offset = exif.text("OffsetTimeOriginal") or exif.text("OffsetTime")
        yield Fact(
            "Taken",
            f"{text} {offset}".strip(),
            "The camera's clock, which may never have been set. Compare it with the light, the season and the event.",
        )
    if taken and saved and saved - taken > timedelta(minutes=2):
        yield Fact(
            "Saved again",
            exif.text("ModifyDate"),
            "Later than it was taken: something saved it anew. Turning, shrinking or sorting it does that, too.",
        )
    for contradiction in _contradictions(exif, taken, saved):
        yield Fact(
            "Times that contradict each other",
            contradiction,
            "One of the notes is wrong. Clocks that were never set and wrong time zones are the usual reasons.",
        )


def _contradictions(exif: Exif, taken: datetime | None, saved: datetime | None) -> Iterator[str]:
    if taken and saved and taken - saved > timedelta(minutes=2):
        yield "it was saved before it was taken"
    if taken and taken - datetime.now() > timedelta(days=2):
        yield "it was taken in the future"
    if taken and taken.year < 1990:
        yield "it was taken before there were cameras that write EXIF"
    satellite = _time(exif.text("GPSDateStamp") + " 12:00:00")
    if taken and satellite and abs(taken - satellite) > timedelta(hours=40):
        yield f"the camera says {taken:%Y-%m-%d}, the satellites {satellite:%Y-%m-%d}"


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text[:19], "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None


def _place(exif: Exif) -> Iterator[Fact]:
    if place := coordinates(exif):
        yield Fact(
            PLACE,
            f"{place[0]:.5f}, {place[1]:.5f}",
            "Where the camera believed to be. Compare with a map and pictures of the street. "
            "Before you pass such a photo on, think of whose home it shows.",
        )


def coordinates(exif: Exif) -> tuple[float, float] | None:
    """Latitude and longitude in degrees, south and west below zero."""
    angles = []
    for name, limit in (("GPSLatitude", 90), ("GPSLongitude", 180)):
        value = exif.values.get(name)
        if not isinstance(value, tuple) or len(value) != 3:
            return None
        degrees = value[0] + value[1] / 60 + value[2] / 3600
        if not 0 <= degrees <= limit:
            return None
        angles.append(-degrees if exif.text(name + "Ref")[:1] in ("S", "W") else degrees)
    return (angles[0], angles[1]) if angles != [0, 0] else None


# --- programs --------------------------------------------------------------------------------------------------


def _programs(parts: PhotoParts) -> Iterator[Fact]:
    exif, xmp, marks = parts.exif, parts.xmp, parts.segments.marks
    meaning = (
        "This program saved the file; phones write the version of their system here. "
        "A program's name is no sign of a trick: most photos are cropped or brightened."
    )
    if software := exif.text("Software"):
        yield Fact("Software", software, meaning)
    if xmp.tool and xmp.tool != software:
        yield Fact("Software (XMP)", xmp.tool, meaning)
    written = [name for name in ("Photoshop", "Ducky") if name in marks]
    if written and "photoshop" not in f"{software} {xmp.tool}".casefold():
        yield Fact("Traces of a program", "Adobe Photoshop", "A part of the file is as Photoshop writes it. " + meaning)
    if "Facebook" in marks:
        yield Fact(
            "Traces of a network", "Facebook or Instagram", "They save every photo anew and mark it; its EXIF is gone."
        )
    if xmp.history:
        more = f" and {xmp.steps - len(xmp.history)} more" if xmp.steps > len(xmp.history) else ""
        yield Fact(
            "Steps of editing (XMP)",
            "; ".join(xmp.history) + more,
            "What programs noted about their work. Conversion and saving are steps, too; what was changed is not said.",
        )
    if xmp.source_type:
        yield Fact(
            "How it was made (IPTC)",
            SOURCE_TYPES.get(xmp.source_type, xmp.source_type),
            "The program's own word. Where it says that a model made the picture, believe it; "
            "where it says nothing, a model may still have made it.",
        )
    if re.search(r"\bSteps: \d+", exif.text("UserComment")):
        yield Fact(
            "Settings of an image generator",
            exif.text("UserComment"),
            "Programs that make pictures from words write this. A real photo does not get it by accident.",
        )


def _texts(parts: PhotoParts) -> Iterator[Fact]:
    for keyword, text in parts.segments.texts:
        if maker := _GENERATORS.get(keyword.casefold()):
            yield Fact(
                "Settings of an image generator",
                f"{keyword}: {text}",
                f"Written by {maker}. A real photo does not get it by accident, though anybody could add it.",
            )
        else:
            yield Fact(f"Text: {keyword}"[:80], text, "A note in the file. Anybody can write one.")
    for comment in parts.segments.comments:
        yield Fact("Comment", comment, "A note in the file, often by the program that saved it. Anybody can write one.")
    if description := parts.exif.text("ImageDescription"):
        yield Fact("Description", description, "What somebody or some program wrote about the picture.")


# --- sizes and compression ---------------------------------------------------------------------------------------


def _sizes(parts: PhotoParts) -> Iterator[Fact]:
    width, height = parts.stored_size
    yield Fact(
        "Size",
        f"{width} x {height} pixels ({width * height / 1e6:.1f} megapixels)",
        "Cameras and phones take 8 to 50 megapixels. Less means that it was shrunk or cropped, as messengers do.",
    )
    noted = parts.exif.number("ExifImageWidth"), parts.exif.number("ExifImageHeight")
    if None not in noted and noted != (0, 0) and sorted(noted) != sorted(parts.stored_size):  # type: ignore[type-var]
        yield Fact(
            "Size that the camera noted",
            f"{noted[0]:.0f} x {noted[1]:.0f} pixels",
            "Another one than the picture has now: it was cropped or resized after it was taken, by a program "
            "that kept the old note.",
        )


def _thumbnail(parts: PhotoParts) -> Iterator[Fact]:
    if parts.thumbnail is None:
        return
    if parts.thumbnail.shows_the_same:
        yield Fact(
            "Thumbnail in the file",
            "shows the same as the photo",
            "Cameras put it there, and most programs renew it when they save: no sign for or against the photo.",
        )
    else:
        yield Fact(
            "Thumbnail in the file",
            f"looks different from the photo (likeness {parts.thumbnail.likeness:.2f} of 1)",
            "Look at both: some programs keep the thumbnail of the photo as it was. "
            "Cropping alone makes a difference, too.",
        )


def _compression(parts: PhotoParts) -> Iterator[Fact]:
    segments = parts.segments
    if found := quality(segments.tables):
        if found.standard:
            yield Fact(
                "JPEG quality",
                f"{found.value} of 100, with the tables of the standard",
                "Saved by one of the many programs that use the common JPEG library, such as browsers, web sites and "
                "free editors; few cameras do. Each saving wipes out traces of what was before.",
            )
        else:
            yield Fact(
                "JPEG quality",
                f"about {found.value} of 100, with tables of its own",
                "Cameras, phones and Photoshop have tables of their own. Each saving wipes out traces of the past.",
            )
    frame = segments.frame
    if frame is None:
        return
    if frame.progressive:
        yield Fact(
            "Progressive",
            "yes",
            "It appears in steps while it loads. Web sites save so, cameras hardly ever: it was saved again.",
        )
    if len(frame.sampling) == 3 and frame.sampling[0][0] and frame.sampling[0][1]:
        yield Fact(
            "Colours stored",
            _sampling(frame.sampling),
            "Cameras and messengers mostly keep half of the colours' detail or a quarter; "
            "editors at high quality keep all.",
        )


def _sampling(sampling: tuple[tuple[int, int], ...]) -> str:
    across, down = sampling[0]
    names = {(1, 1): "4:4:4, in full", (2, 1): "4:2:2, half across", (2, 2): "4:2:0, half across and down"}
    other = sampling[1:]
    if all(one == (1, 1) for one in other) and (across, down) in names:
        return names[across, down]
    return "4:4:4, in full" if all(one == sampling[0] for one in other) else f"{across} x {down} to one"


def _colours(segments: Segments) -> Iterator[Fact]:
    if segments.profile:
        yield Fact(
            "Colour profile",
            profile_name(segments.profile) or "without a name",
            "Which colours the numbers stand for. Phones and editors write one; it says little about changes.",
        )


# --- the rest --------------------------------------------------------------------------------------------------


def _credentials(parts: PhotoParts) -> Iterator[Fact]:
    name, found = "Content Credentials", parts.credentials
    if not parts.segments.credentials:
        return
    if found is None:
        yield Fact(
            name,
            "there are some, not checked here",
            "A signed note on how the picture was made (C2PA). Look at it at contentcredentials.org/verify; "
            "a signer who is unknown is not thereby false.",
        )
        return
    yield Fact(name, found.state, _CREDENTIALS_MEANINGS[found.state])
    if found.signer:
        yield Fact(
            f"{name}: signed by",
            found.signer,
            "What the signer calls itself: no list of signers is kept here, and anybody can make a certificate.",
        )
    if found.steps:
        yield Fact(f"{name}: steps", "; ".join(found.steps), "What the signer says was done, in its order.")


def _behind(parts: PhotoParts) -> Iterator[Fact]:
    if parts.segments.bytes_behind:
        yield Fact(
            "Behind the end of the picture",
            f"{parts.segments.bytes_behind:,} bytes",
            "Phones keep a second photo, a map of depths or a short film there. It may also be something hidden.",
        )
