"""Questions and refusals: which field a message is about, and which pictures are passed on."""

from __future__ import annotations

from typing import Any

import pytest

from racer.server.question import Refused, check_images, place_in, renamed, wrong


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ("messages[0].content is missing: give a text", "messages[0].content"),
        ('tools[1] is a second "add": give each tool its own name', "tools[1]"),
        (
            "tools[0].function.parameters.properties.x is a list: give",
            "tools[0].function.parameters.properties.x",
        ),
        ("max_tokens is -1: use a whole number", "max_tokens"),
        ("one of stop is missing: give texts", "stop"),
        ("response_format.json_schema.schema cannot be written", None),
        ("two providers agree that the request is wrong: no", None),
        ("the prompt is empty: write something", None),
        ("", None),
    ],
)
def test_the_field_at_fault(message: str, place: str | None) -> None:
    """It is what a message of ours begins with, where it begins with one."""
    assert place_in(message) == place


def test_a_wrong_field() -> None:
    """Status 400 with the field's name."""
    refused = wrong("n", "n can only be 1", "unsupported_value")

    assert (refused.status, refused.param, refused.code) == (400, "n", "unsupported_value")
    assert str(refused) == refused.message == "n can only be 1"
    assert refused.kind == "invalid_request_error"
    assert refused.again


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.png",
        "https://8.8.8.8/a.png",
        "https://[2606:4700::1111]/a.png",
        "https://face.b00c.de/a.png",
        "https://cafe.ac/a.png",
        "data:image/png;base64,AAAA",
    ],
)
@pytest.mark.parametrize("bare", [True, False])
def test_public_pictures(url: str, *, bare: bool) -> None:
    """Whatever the whole world can read, and what the client has sent itself."""
    check_images([picture(url, bare=bare)])


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.png",
        "https://127.0.0.1/a.png",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/a.png",
        "https://192.168.1.1:8080/",
        "https://[::1]/a.png",
        "https://[fe80::1]/a.png",
        "https://localhost/a.png",
        "https://localhost./a.png",
        "https://printer.local/a.png",
        "https://db.internal/a.png",
        "https://metadata/computeMetadata",
        "https://user@example.com/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0x7f000001/",
        "https://127.1/",
        "https://0177.0.0.1/",
        "https://[::1/",
        "https:///a.png",
        "file:///etc/passwd",
        "ftp://example.com/a.png",
        "",
    ],
)
def test_pictures_of_this_network(url: str) -> None:
    """A provider that runs here would read them: refused, with the place of the part."""
    with pytest.raises(Refused) as caught:
        check_images([{"role": "user", "content": "hi"}, picture(url)])

    assert caught.value.status == 400
    assert caught.value.param == "messages[1].content[1].image_url"
    assert url == "" or url not in caught.value.message


@pytest.mark.parametrize(
    "content", [None, "text", 4, [None], ["text"], [{"image_url": 4}], [{"image_url": {"url": 4}}], [{}]]
)
def test_what_is_no_picture(content: object) -> None:
    """It is somebody else's to find out what is wrong with it."""
    check_images([{"role": "user", "content": content}])


@pytest.mark.parametrize("message", ["x", None, 5, ["x"]])
def test_what_is_no_message(message: Any) -> None:
    """Nor is that found here."""
    check_images([message])


def picture(url: str, *, bare: bool = False) -> dict[str, object]:
    image = url if bare else {"url": url}
    return {
        "role": "user",
        "content": [{"type": "text", "text": "?"}, {"type": "image_url", "image_url": image}],
    }


@pytest.mark.parametrize(
    ("param", "theirs"),
    [
        ("stop", "stop_sequences"),
        ("messages[1]", "messages[0].content[2]"),
        ("messages[1].tool_call_id", "messages[0].content[2].tool_use_id"),
        ("messages[1].content[0]", "messages[0].content[2].content[0]"),
        ("messages[10]", "messages[10]"),
        ("stops", "stops"),
        (None, None),
    ],
)
def test_a_name_of_the_clients(param: str | None, theirs: str | None) -> None:
    """The longest that fits; in the words, too."""
    place = "messages[0].content[2]"
    names = {
        "stop": "stop_sequences",
        "messages[1]": place,
        "messages[1].tool_call_id": f"{place}.tool_use_id",
    }
    told = renamed(Refused(400, f"one of {param} is 5: use a text", param=param), names)

    assert (told.param, told.message) == (theirs, f"one of {theirs} is 5: use a text")
