"""Text to tokens: tokenizers, our own and those of others."""
