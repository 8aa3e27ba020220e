"""The tabs of the page."""

from playwright.sync_api import Page


def open_tab(page: Page, name: str) -> Page:
    """Go to the tab of this name; on a phone the last ones are behind a button."""
    page.get_by_role("tab", name="Name a dance").first.wait_for()
    tab = page.get_by_role("tab", name=name, exact=True).first
    if not tab.is_visible():
        page.locator(".overflow-menu > button").first.click()
        tab = page.locator(".overflow-dropdown button", has_text=name)
    tab.click()
    return page
