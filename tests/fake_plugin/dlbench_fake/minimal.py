"""A whole plugin in forty lines: a linear model in NumPy."""

import numpy as np

from dlbench.errors import Unsupported
from dlbench.plugin import Batch, BuildRequest, ModelInfo


class Minimal:
    def build(self, request: BuildRequest) -> ModelInfo:
        spec, signature = request.spec, request.signature
        if spec.path != "eager" or spec.device not in ("cpu", "auto") or spec.precision != "fp32":
            raise Unsupported(
                f"minimal runs eager on the CPU in fp32, not {spec.path} on {spec.device}, {spec.precision}"
            )
        if signature.loss != "mse":
            raise Unsupported(f"minimal trains with mse, not {signature.loss}; choose --task line")
        self._adam, self._step = request.optimizer, 0
        self._kernel: np.ndarray = np.zeros((signature.inputs.shape[-1], signature.outputs.shape[-1]), np.float32)
        self._mean: np.ndarray = np.zeros_like(self._kernel)
        self._square: np.ndarray = np.zeros_like(self._kernel)
        return ModelInfo(
            parameter_count=self._kernel.size,
            device="cpu",
            precision="fp32",
            path="eager",
            versions={"numpy": np.__version__},
        )

    def train_step(self, batch: Batch) -> float:
        error = self.predict(batch.inputs) - batch.targets
        self._update(batch.inputs.T @ error * (2 / error.size))
        return float(np.mean(error**2))

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        return np.asarray(inputs @ self._kernel)

    def _update(self, gradient: np.ndarray) -> None:
        adam, self._step = self._adam, self._step + 1
        self._mean = adam.beta1 * self._mean + (1 - adam.beta1) * gradient
        self._square = adam.beta2 * self._square + (1 - adam.beta2) * gradient**2
        mean, square = self._mean / (1 - adam.beta1**self._step), self._square / (1 - adam.beta2**self._step)
        self._kernel -= adam.learning_rate * mean / (np.sqrt(square) + adam.epsilon)
