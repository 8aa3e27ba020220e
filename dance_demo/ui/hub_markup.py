"""What the page says of the Hugging Face Hub: what is sent where, before it is sent. Text of others is escaped here."""

from html import escape

from dance_demo.hub import Published
from dance_demo.hub_dataset import HUB_LIMITS

_SIGNED_IN = "Sign in first; your account is used for this, and for what you load, and for nobody else."
_LOCAL = """This works on your own computer, with a token of yours in <code>HF_TOKEN</code>. Elsewhere download
the bundle, and at home run <code>python -m dance_demo publish bundle.zip owner/name</code>."""


def publish(host: str, *, sign_in: bool) -> str:
    """Above the form that publishes."""
    return f"""<h3>Publish it</h3><p>On the Hugging Face Hub, under your own name. <strong>Private</strong> unless you
choose otherwise.</p>
<p class="quiet">Sent to {escape(host)}: the head, its model card (names of your classes, how many photos, settings and
figures) and a five-line program. No photo. {_SIGNED_IN if sign_in else _LOCAL}</p>"""


def published(result: Published) -> str:
    """Where it lies now."""
    kind = "private: only you see it" if result.private else "public: everybody sees it"
    name = result.address.removeprefix("hf://").partition("@")[0]
    link = f'<a href="{escape(result.url)}" target="_blank" rel="noopener noreferrer">{escape(name)}</a>'
    return f"""<div role="status" class="published"><p><strong>Published</strong> as {link} ({kind}).</p>
<p class="quiet">Exactly this head, whatever is published there later:
<code>{escape(result.address)}</code></p></div>"""


def load(host: str) -> str:
    """Above the form that fetches a head."""
    return f"""<h3>Load from the Hub</h3><p>A head that was published from here. It is checked, then it works at once,
for you alone.</p><p class="quiet">Its name is sent to {escape(host)}, with your own token
if there is one. <code>owner/name</code>, or <code>hf://owner/name@revision#sha256</code> for exactly one.</p>"""


def brought_back(address: str) -> str:
    """Which head came from the Hub, in one sentence."""
    return f"It is {address}."


def dataset(host: str) -> str:
    """Beside the box for a dataset."""
    return f"""<p class="quiet">A folder for each class (<code>train/kathak/1.jpg</code>, or without
<code>train/</code>), or photos with a <code>metadata.csv</code> (<code>file_name,label</code>) or
<code>train.csv</code>. Up to {HUB_LIMITS.files:,} files and {HUB_LIMITS.unpacked_bytes / 1e6:g} MB. Its name is
sent to {escape(host)}, with your own token if there is one; add <code>@revision</code> for exactly one version.</p>"""
