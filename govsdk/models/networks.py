"""Names for what libraries without types hand out, so that signatures say what is meant."""

from typing import Any

Network = Any
"""A network of diffusers or transformers, or one of its blocks."""

Tokenizer = Any
"""A transformers tokenizer."""

Session = Any
"""An onnxruntime session."""
