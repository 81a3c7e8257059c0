"""Floating-point operations of a forward pass, counted by PyTorch: two for each multiply-add of a product.

Additions, look-ups, normalisations and activations are not counted, as in `dlbench.architectures`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from dlbench_torch.network import Network, as_tuple


def of_forward(network: Network, inputs: Any) -> float | None:
    """FLOPs of one call in the mode of prediction; None if the module cannot be called without a compiler.

    Attention, recurrent layers and `nn.TransformerEncoderLayer` are computed by their products, which are counted: the
    fused forms of the libraries hide them.
    """
    network.set_training(False)
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    counter = FlopCounterMode(display=False)
    apart = torch.backends.mkldnn.flags(enabled=False), torch.backends.cudnn.flags(enabled=False)
    try:
        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH), apart[0], apart[1], counter:
            network(*as_tuple(inputs))
    except NotImplementedError:
        return None
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
    return float(counter.get_total_flops())
