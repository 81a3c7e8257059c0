"""Arrays of a model as the command line states them: values read, and the words of refusals."""

from __future__ import annotations

import pytest

from dlbench.errors import SpecError
from dlbench.spec import InputSpec
from dlbench.spec.source import INPUT_FORM, batch_size_of, class_spec, input_spec, token_spec, with_batch_size

pytestmark = pytest.mark.untimed


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("32x3x224x224", InputSpec((32, 3, 224, 224))),
        ("8", InputSpec((8,))),
        ("ids=8x128:int64<30522", InputSpec((8, 128), "int64", 30522, "ids")),
        ("8x128<30", InputSpec((8, 128), "int32", 30)),
        ("x_1=4x28x28:uint8<256", InputSpec((4, 28, 28), "uint8", 256, "x_1")),
        ("mask=8x128:bool", InputSpec((8, 128), "bool", None, "mask")),
    ],
)
def test_an_array_is_read_from_its_text(text, wanted):
    assert input_spec(text) == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"--input '' is not {INPUT_FORM}"),
        ("32x", f"--input '32x' is not {INPUT_FORM}"),
        ("32,64", f"--input '32,64' is not {INPUT_FORM}"),
        ("1x=32x64", f"--input '1x=32x64' is not {INPUT_FORM}"),
        (
            "8x0",
            "--input '8x0': shape is (8, 0): it must be one length or more, each between 1 and 2147483647, the batch "
            "first",
        ),
        (
            "8:float8",
            "--input '8:float8': dtype is 'float8': it must be one of float32, int32, int64, uint8, bool",
        ),
        (
            "8:float32<3",
            "--input '8:float32<3': range is 3: it must be left out for float32; only integers have one",
        ),
        ("8x8:uint8<300", "--input '8x8:uint8<300': range is 300: it must be between 1 and 256"),
        ("8<0", "--input '8<0': range is 0: it must be between 1 and 2147483647"),
    ],
)
def test_what_is_no_array_is_refused_in_one_line(text, message):
    with pytest.raises(SpecError) as caught:
        input_spec(text)
    assert str(caught.value) == message


def test_an_error_names_the_option_that_was_given():
    with pytest.raises(SpecError, match=r"^--targets 'x' is not"):
        input_spec("x", "--targets")
    with pytest.raises(SpecError, match=r"^--tokens '8x128:int64' is not .*--vocabulary"):
        token_spec("8x128:int64", 100)


def test_tokens_and_classes_are_integers_below_their_number():
    assert token_spec("ids=8x128", 100) == InputSpec((8, 128), "int32", 100, "ids")
    assert class_spec(10, 32) == InputSpec((32,), "int64", 10)


def test_all_inputs_have_one_batch_size_which_can_be_changed():
    images, tokens = input_spec("32x3x8x8"), input_spec("32x16<9")
    assert batch_size_of([images, tokens]) == 32
    assert with_batch_size(images, 4) == InputSpec((4, 3, 8, 8))
    with pytest.raises(SpecError, match="the inputs have 32 and 4"):
        batch_size_of([images, with_batch_size(tokens, 4)])
    with pytest.raises(SpecError, match="the inputs have nothing"):
        batch_size_of([])
