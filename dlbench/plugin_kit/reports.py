"""The report of a model that was built as its Spec says."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from typing import Any

from dlbench.plugin import ModelInfo
from dlbench.spec import Spec


def model_info(spec: Spec, *, device: str, devices: Mapping[str, str], compiler: str = "", **read: Any) -> ModelInfo:
    """The ModelInfo of a model whose path, steps per call and place of data are the Spec's, or it was not built.

    `device` is its word, or several with a slash between, and `devices` describe them. `compiler` is that of the path
    jit. `read` are the other fields, among them all that was read back: `precision`, `threads`.
    """
    return ModelInfo(
        device=device,
        device_name="/".join(devices[word] for word in device.split("/")),
        path=spec.path,
        compiler=compiler if spec.path == "jit" and compiler else None,
        steps_per_call=spec.steps_per_call,
        data=spec.data,
        **read,
    )


def versions_of(*packages: str) -> dict[str, str]:
    """Installed versions of distributions, by name."""
    return {name: metadata.version(name) for name in packages}
