"""A model as one HTML file: photo, answer, heatmap and model card, in any newer browser, without a network.

Opened by a double click, it is at an address of its own (file://) from which a page may fetch nothing, not even a file
beside it. So the program, the network and LiteRT are inside, and its own policy forbids every request.
"""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import dance_demo
from dance_demo.export.model_data import ASSETS, TOP_K, in_base64, model_data, packed_network, runtime
from dance_demo.files.atomic import write_atomically
from dance_demo.forms import display_name
from dance_demo.jobs.progress import Progress, Stop
from dance_demo.model.directory import ModelCard
from dance_demo.model.loading import load_classifier


@dataclass(frozen=True)
class Part:
    """A piece of the page: its content as base64 inside of it, or the address of a file beside it."""

    base64: str = ""
    address: str = ""


def write_page(model: Path, out: Path, stop: Stop) -> Iterator[Progress]:
    """Write a model directory as one HTML file `out`, complete or not at all."""
    yield Progress("Packing the network into a page")
    parts = {
        "network": Part(in_base64(packed_network(load_classifier(model).backbone.data))),
        "runtime": Part(in_base64(runtime())),
    }
    if not stop():
        write_atomically(out, page_html(model, parts).encode())


def page_html(model: Path, parts: dict[str, Part], *, program: str = "", offline: str = "") -> str:
    """The page, with these parts. Where they are files beside it, so is its script, at the address `program`, and what
    keeps all of them for when there is no network, at the address `offline`."""
    classifier, card = load_classifier(model), ModelCard.read(model)
    style, source = asset("page.css"), asset("page.js")
    names = [display_name(label) for label in card.class_names]
    template = _environment.get_template("page.html.jinja")
    return template.render(
        card=card,
        names=names,
        labels=list(zip(card.class_names, names, strict=True)),
        evaluation=card.evaluation,
        scores=card.evaluation.get("per_class", {}),
        model=model_data(classifier, card),
        top_k=TOP_K,
        parts=parts,
        program={"address": program, "source": Markup(source)},  # our own, from the package
        style=Markup(style),
        policy=_policy(style, "'self'" if program else _hash(source), "'self'" if program else "'none'"),
        offline=offline,
        licences=asset("LICENCES.txt"),
        version=dance_demo.__version__,
    )


def asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _policy(style: str, script: str, connect: str) -> str:
    """What a browser may do for this page: run this one script and WebAssembly, show pictures that it was handed."""
    rules = {
        "default-src": "'none'",
        "script-src": f"{script} 'wasm-unsafe-eval'",
        "style-src": _hash(style),
        "img-src": "blob: data:",
        "connect-src": connect,
        "worker-src": "'self'" if connect == "'self'" else "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_environment = Environment(
    loader=PackageLoader("dance_demo.export", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
