"""The tabs of the page."""

from playwright.sync_api import Page

WAYS = ("One photo", "Many photos", "Live", "Video", "Check this photo")  # within "Name a dance"


def open_tab(page: Page, name: str) -> Page:
    """Go to the tab of this name, as a visitor does."""
    group = page.get_by_role("tab", name="Name a dance", exact=True)
    group.wait_for()
    if name in WAYS:
        group.click()
    page.get_by_role("tab", name=name, exact=True).first.click()
    return page
