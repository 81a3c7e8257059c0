"""Words of a plugin: whatever it raises, there is a text of bounded length that can be written down."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlbench.errors import Unsupported, words
from dlbench_fake.deeds import ERRORS

pytestmark = pytest.mark.untimed


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_that_is_hard_to_write_down_has_words_and_a_traceback(name):
    try:
        ERRORS[name]()
    except Exception as error:
        caught = error
    text = words.reason(caught)
    assert 0 < len(text) < 3 * words.LONGEST
    assert json.loads(json.dumps(text).encode().decode()) == text
    assert len(words.formatted_traceback(caught)) < 100 * words.LONGEST


@given(st.text(st.characters(codec=None)))
def test_any_text_can_be_written_and_shows_no_control_character(text):
    shown = words.bounded(text)
    shown.encode()
    assert not set(shown) & {"\x00", "\x1b", "\x7f", "\r"}


def test_of_a_long_text_beginning_and_end_are_kept():
    text = words.bounded("a" * 5000 + "z" * 5000, 100)
    assert text.startswith("a" * 75 + " … (9,900 characters left out)")
    assert text.endswith("z" * 25)


def test_errors_of_dlbench_are_their_message_and_others_name_their_type():
    assert words.reason(Unsupported("no GPU")) == "no GPU"
    assert words.reason(ValueError("no GPU")) == "ValueError: no GPU"
    assert words.reason(KeyboardInterrupt()) == words.reason(KeyboardInterrupt(" ")) == "KeyboardInterrupt"


def test_what_an_error_came_from_is_followed_to_its_end_and_not_further():
    first, second = ValueError("a"), MemoryError("b")
    first.__cause__, second.__cause__ = second, first
    group = ExceptionGroup("c", [first])
    assert list(words.related(group)) == [group, first, second]


def test_a_text_of_a_class_of_its_own_becomes_a_plain_one():
    class Text(str):
        def __getitem__(self, _):
            raise RuntimeError

    class Odd(Exception):
        def __str__(self):
            return Text("odd")

    assert words.reason(Odd()) == "Odd: odd"
