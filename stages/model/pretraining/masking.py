"""Which tokens a masked language model must guess: a pure function of (seed, epoch, document, position).

The rule is BERT's (Devlin et al. 2019, section 3.1): a share `rate` of the tokens is chosen; of those 80 % become the
mask token, 10 % a random token and 10 % stay.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stages.model.training.randomness import Keys, mixed, stream, uniform

_CHOOSE, _KIND, _RANDOM_TOKEN = 1, 2, 3  # purposes: independent streams of draws


@dataclass(frozen=True, slots=True)
class Masked:
    """`inputs` [tokens]: what the network sees; `positions` [masked]: where it must guess; `targets` [masked]."""

    inputs: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]


def masked_tokens(
    tokens: npt.NDArray[np.int64],
    document_key: Keys,
    position: npt.NDArray[np.int64],
    *,
    rate: float,
    seed: int,
    epoch: int,
    mask_id: int,
    first_word: int,
    vocabulary: int,
) -> Masked:
    """Mask a flat run of tokens [tokens], given the key of its document and the position in it, for each token.

    Ids below `first_word` (padding, separators, mask) are never masked and never drawn as a random token.
    """
    keys = mixed(stream(document_key, seed, epoch), position.astype(np.uint64))
    chosen = (uniform(stream(keys, _CHOOSE)) < rate) & (tokens >= first_word)
    positions = np.flatnonzero(chosen)
    kind = uniform(stream(keys[positions], _KIND))
    drawn = stream(keys[positions], _RANDOM_TOKEN) % np.uint64(vocabulary - first_word)
    targets = tokens[positions]
    replacement = np.where(kind < 0.9, drawn.astype(np.int64) + first_word, targets)
    inputs = tokens.copy()
    inputs[positions] = np.where(kind < 0.8, mask_id, replacement)
    return Masked(inputs=inputs, positions=positions, targets=targets)
