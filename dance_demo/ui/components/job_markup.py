"""What the page says while a job waits or works, and when something went wrong."""

from dance_demo.ui.components.html import render


def waiting(position: int, expected_wait_s: float) -> str:
    """The position in the line; 1 is next."""
    return render("job.waiting", position=position, about=duration(expected_wait_s) if expected_wait_s else "")


def progress(text: str, done: int, total: int, left_s: float | None = None) -> str:
    """A bar with words; it has no end where nobody can tell how much there is (total 0)."""
    return render("job.progress", text=text, done=done, total=total, left=duration(left_s) if left_s else "")


def problem(message: str) -> str:
    """Something that the visitor can mend."""
    return render("job.problem", message=message)


def hint(message: str) -> str:
    """Something worth knowing; nothing for an empty message."""
    return render("job.hint", message=message)


def duration(seconds: float) -> str:
    """``40 s`` or ``3 min``"""
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"
