"""A page in one file: what it lets through, and how text from outside is made safe."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256

from racer.pages.document import document, embedded, escaped, named, policy


def test_only_its_own_scripts_run() -> None:
    """Each by its sum; everything else, and every request, is refused."""
    found = policy(["let a = 1;"])
    own = b64encode(sha256(b"let a = 1;").digest()).decode()

    assert found.startswith("default-src 'none'; ")
    assert f"script-src 'sha256-{own}';" in found
    assert "script-src 'none'" in policy([])


def test_the_parts_are_in_their_places() -> None:
    """What is data is not read as a template once more."""
    html = document("A & B", "<p>$body</p>", {"a": "$title"}, styles=("p {}",), scripts=("one();", "two();"))

    assert "<title>A &amp; B</title>" in html
    assert "<p>$body</p>" in html
    assert '{"a":"$title"}' in html
    assert html.index("<style>") < html.index("one();") < html.index("two();")


def test_data_ends_no_script() -> None:
    """Nothing in it is markup, and it reads back as it was."""
    data = {"name": "</script><!-- & \u2028\u2029 \ud800"}
    found = embedded(data)

    assert not {"<", ">", "&", "\u2028", "\u2029"} & set(found)
    assert json.loads(found) == data


def test_text_is_only_text() -> None:
    """Markup is shown; what would turn or hide what stands around it is not."""
    assert escaped("<b a='\">&") == "&lt;b a=&#x27;&quot;&gt;&amp;"
    assert escaped("a\u202eb\x00c\ud800") == "a\ufffdb\ufffdc\ufffd"
    assert escaped(7) == "7"


def test_a_name_keeps_its_direction_to_itself() -> None:
    """And is broken behind its slashes first."""
    assert named("a/<b>") == "<bdi>a/<wbr>&lt;b&gt;</bdi>"
