"""What the page says while a job waits or works, and when something went wrong. Text of others is escaped here."""

from html import escape


def waiting(place: int, expected_wait_s: float) -> str:
    """The place in the line."""
    before = "next in line" if place == 1 else f"number {place} in line"
    about = f" Your turn is in about {duration(expected_wait_s)}." if expected_wait_s else ""
    return f"""<section class="working" aria-label="Progress"><p><strong>You are {before}.</strong>{about}</p>
<progress aria-label="Waiting"></progress>
<p class="quiet">You may close or reload this page; your place is kept.</p></section>"""


def progress(text: str, done: int, total: int, left_s: float | None = None) -> str:
    """A bar with words; it has no end where nobody can tell how much there is (total 0)."""
    counts = f"{done:,} of {total:,}" if total else ""
    left = f", at most {duration(left_s)} left" if left_s else ""
    value = f'value="{done}" max="{total}"' if total else ""
    return f"""<section class="working" aria-label="Progress">
<p><strong>{escape(text)}</strong> <span class="quiet">{counts}{left}</span></p>
<progress {value} aria-label="{escape(text)}"></progress>
<p class="quiet">You may close or reload this page; the work goes on.</p></section>"""


def problem(message: str) -> str:
    """Something that the visitor can mend."""
    return f'<p class="notice urgent" role="alert"><strong>That did not work.</strong> {escape(message)}</p>'


def remark(message: str) -> str:
    """Something worth knowing; nothing for an empty message."""
    return f'<p class="notice" role="status">{escape(message)}</p>' if message else ""


def duration(seconds: float) -> str:
    """``40 s`` or ``3 min``"""
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"
