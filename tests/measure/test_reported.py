"""Figures of a plugin: converted from frameworks' own types, refused if they make no sense."""

from __future__ import annotations

import numpy as np
import pytest

from dlbench.errors import ContractViolation
from dlbench.measure.reported import checked
from dlbench.plugin import ModelInfo

pytestmark = pytest.mark.untimed

SAID = {"parameter_count": 8, "device": "cpu", "precision": "fp32", "path": "eager"}


class Version(str):
    """As `torch.__version__` is."""


def test_versions_and_counts_of_a_frameworks_own_types_are_taken_as_what_they_are():
    said = ModelInfo(**{**SAID, "parameter_count": np.int64(8)}, versions={"torch": Version("2.13.0")})
    found = checked("acme.mlp", "build()", said, ModelInfo)
    assert found == ModelInfo(**SAID, versions={"torch": "2.13.0"})
    assert (type(found.parameter_count), type(found.versions["torch"])) == (int, str)


@pytest.mark.parametrize("count", [-1, np.int64(-1), np.float32(8), np.array([8.0]), "8", None, 2**70])
def test_a_count_that_makes_no_sense_is_refused(count):
    with pytest.raises(ContractViolation, match="makes no sense"):
        checked("acme.mlp", "build()", ModelInfo(**{**SAID, "parameter_count": count}), ModelInfo)
