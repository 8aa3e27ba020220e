"""Addresses on the Hub, as people write them."""

import pytest

from dance_demo.errors import DatasetError, ModelError
from dance_demo.hub.address import HubAddress
from tests.support.hostile import HOSTILE


@pytest.mark.parametrize(
    ("text", "repo", "revision", "sha"),
    [
        ("a/b", "a/b", "", ""),
        (" hf://a/b ", "a/b", "", ""),
        ("https://huggingface.co/a/b.c/", "a/b.c", "", ""),
        ("hf://a/b@v1.0", "a/b", "v1.0", ""),
        (f"hf://a/b@{'0' * 40}#{'f' * 64}", "a/b", "0" * 40, "f" * 64),
        (f"a/b#sha256={'f' * 64}", "a/b", "", "f" * 64),
    ],
)
def test_an_address_is_read_as_people_write_it(text, repo, revision, sha):
    address = HubAddress.of_model(text)
    assert (address.repo, address.revision, address.sha256) == (repo, revision, sha)
    assert HubAddress.of_model(str(address)) == address


@pytest.mark.parametrize(
    "bad",
    ["", "a", "a/b/c", "../b", "a/..", "a/.b", "-a/b", "a/b-", "a--b/c", "a/b.git", f"a/{'b' * 97}", "a/b@", "a/b#",
     "a/b@../x", "a/b@x/y", "a/b#0", "http://a/b", "https://evil.example/a/b", "file:///etc/passwd", "a/b?x",
     "a/b\n/c", "a\\b/c", "127.0.0.1:80/a", "a@b/c", "a/b%2e", "ä/b", *HOSTILE],
)  # fmt: skip
def test_S7_what_is_no_address_is_refused_before_anything_is_asked(bad):
    with pytest.raises(
        ModelError, match=r"is not an address on the Hub. Write owner/name, or hf://owner/name@revision"
    ):
        HubAddress.of_model(bad)
    with pytest.raises(DatasetError, match=r"is not an address on the Hub. Write owner/name, or hf://datasets/"):
        HubAddress.of_dataset(bad)


def test_the_address_of_a_dataset_is_told_from_that_of_a_head():
    assert HubAddress.of_dataset("hf://datasets/a/b@main") == HubAddress("a/b", "main", dataset=True)
    assert str(HubAddress.of_dataset("a/b")) == "hf://datasets/a/b"
    with pytest.raises(ModelError, match="This is the address of a dataset"):
        HubAddress.of_model("hf://datasets/a/b")
