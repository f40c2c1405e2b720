"""Attention over packed rows: what keeps the documents of a row apart.

transformers 5 lets a packed encoder attend across documents (its bidirectional masks ignore positions), so it is done
here, in one of three ways that give the same numbers:
  dense    a mask of tokens by tokens, [R, 1, W, W], for any device
  products the same mask between two plain matrix products, for bf16 on a CPU, where the backward pass of torch's own
           kernel (2.13) takes three times as long in bf16 as in fp32, and eight times as long as that of two products
  varlen   the tokens of all rows in one line and the places where documents begin, for torch's variable-length kernel
           (`torch.nn.attention.varlen`, bf16 on a GPU); elsewhere the same call computes a mask over the line
Shapes: R rows, W tokens a row, N = R * W, H heads, D width of a head.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, PretrainedConfig

from stages.model.training.batches import Ints

DENSE, PRODUCTS, VARLEN = "sdpa", "gristmill_products", "gristmill_varlen"  # their names in a configuration


def implementation(device: torch.device, bf16: bool) -> str:
    """The fastest of the three."""
    if not bf16:
        return DENSE
    return VARLEN if device.type == "cuda" else PRODUCTS


def dense_mask(owners: Tensor, positions: Tensor, causal: bool, window: int | None = None) -> Tensor:
    """True where a token may look, [R, 1, W, W]: at its own document, not ahead if `causal`, at most `window` away."""
    allowed = owners[:, :, None] == owners[:, None, :]
    if causal:
        allowed = allowed.tril()
    if window is not None:
        allowed = allowed & ((positions[:, :, None] - positions[:, None, :]).abs() <= window)
    return allowed[:, None]


def dense_masks(config: PretrainedConfig, owners: Tensor, positions: Tensor) -> Tensor | dict[str, Tensor]:
    """The mask that the body of a network takes; one for each kind of layer where some look at a window only."""
    causal = config.model_type == "gpt2"
    if config.model_type != "modernbert":
        return dense_mask(owners, positions, causal)
    return {
        "full_attention": dense_mask(owners, positions, causal),
        "sliding_attention": dense_mask(owners, positions, causal, config.sliding_window),
    }


def products(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor, *,
    scaling: float | None = None, **_: Any,
) -> tuple[Tensor, None]:  # fmt: skip
    """Attention where `attention_mask` [R, 1, W, W] is True; queries, keys, values [R, H, W, D].

    An entry of transformers' attention interface. Returns [R, W, H, D].
    """
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    hidden = torch.zeros_like(attention_mask, dtype=query.dtype).masked_fill_(~attention_mask, -torch.inf)
    scores = (query * scale) @ key.transpose(-1, -2) + hidden
    shares = torch.softmax(scores, -1, dtype=scores.dtype)  # said, or autocast would make it fp32
    return (shares @ value).transpose(1, 2).contiguous(), None


def boundaries(owners: Ints) -> Ints:
    """Where documents begin in rows laid end to end, and N at the end; padding counts as a document of its row."""
    begins = np.ones(owners.shape, dtype=bool)
    begins[:, 1:] = owners[:, 1:] != owners[:, :-1]
    return np.append(np.flatnonzero(begins), owners.size)


def varlen(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, *,
    begins: Tensor, longest: int, scaling: float | None = None, sliding_window: int | None = None, **_: Any,
) -> tuple[Tensor, None]:  # fmt: skip
    """Attention inside the stretches between `begins` [documents + 1] (int32); queries, keys, values [1, H, N, D].

    An entry of transformers' attention interface. Returns [1, N, H, D].
    """
    causal = bool(getattr(module, "is_causal", False))
    reach = -1 if sliding_window is None else sliding_window - 1  # transformers counts the token itself
    if not query.is_cuda:
        return _by_mask(query, key, value, begins, causal, reach, scaling), None
    flat = [item[0].transpose(0, 1) for item in (query, key, value)]
    return _kernel(flat, begins, longest, causal, reach, scaling)[None], None


def _kernel(
    flat: list[Tensor], begins: Tensor, longest: int, causal: bool, reach: int, scaling: float | None
) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn

    known = inspect.signature(varlen_attn).parameters
    options: dict[str, Any] = {"scale": scaling} if "scale" in known else {}  # before: always D ** -0.5, as here
    if "window_size" in known:
        options["window_size"] = (reach, 0 if causal else reach)
    elif reach >= 0:
        raise RuntimeError(f"torch {torch.__version__} has no windowed attention; architecture modernbert needs 2.12")
    else:
        options["is_causal"] = causal
    result: Tensor = varlen_attn(*flat, begins, begins, longest, longest, **options)
    return result


def _by_mask(
    query: Tensor, key: Tensor, value: Tensor, begins: Tensor, causal: bool, reach: int, scaling: float | None
) -> Tensor:
    places = torch.arange(query.shape[2], device=query.device)
    owners = torch.searchsorted(begins, places, right=True)
    mask = dense_mask(owners[None], places[None], causal, None if reach < 0 else reach)
    return scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scaling).transpose(1, 2)


AttentionInterface.register(PRODUCTS, products)
AttentionInterface.register(VARLEN, varlen)
