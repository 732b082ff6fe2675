"""Turn identity embeddings into what the U-Net's cross-attention reads, as Arc2Face does.

- The "id" token of one fixed prompt is replaced by the unit embedding, zero-padded to the text
  encoder's hidden size; every other token, the positions, the causal mask and the final norm stay
  the library's.
- The replacement happens in a forward hook on the public ``get_input_embeddings()`` and travels in
  a context variable: thread-safe, and gradients flow into the embeddings.
- Works for Arc2Face (512 -> 768, 77 tokens) and for the reference world (128 -> 192, 8 tokens)
  alike: the token count is the tokenizer's ``model_max_length``.
- The guidance's empty condition is the encoder's output for the empty prompt, as in the stock
  pipeline.

Source: Arc2Face (arXiv 2403.11641), ``project_face_embs``. Theirs subclasses ``CLIPTextModel``,
which no longer works with transformers 5; the hook computes the same thing.
"""

from __future__ import annotations

import contextvars
import threading
import weakref

import torch
from torch import Tensor
from torch.nn import functional

from govsdk.errors import EmbeddingError, UsageError
from govsdk.models.networks import Network, Tokenizer

PROMPT = "photo of a id person"
"""The one prompt of Arc2Face; its grammar is theirs."""

ID_WORD = "id"
"""The word whose token carries the identity."""

_token_embeddings: contextvars.ContextVar[Tensor | None] = contextvars.ContextVar(
    "govsdk_token_embeddings", default=None
)
_lock = threading.Lock()
_ids: weakref.WeakKeyDictionary[Tokenizer, dict[tuple[str, int], Tensor]] = (
    weakref.WeakKeyDictionary()
)
_hooked: weakref.WeakSet[Network] = weakref.WeakSet()


def ids_for(tokenizer: Tokenizer, prompt: str) -> Tensor:
    """Return the token ids of ``prompt``, padded to the tokenizer's length: LongTensor [tokens].

    Each prompt is tokenised once per tokenizer and under a lock, because the fast CLIP tokenizer
    is not thread-safe while it pads.
    """
    length = int(tokenizer.model_max_length)
    with _lock:
        known = _ids.setdefault(tokenizer, {})
        if (prompt, length) not in known:
            encoded = tokenizer(prompt, padding="max_length", max_length=length, truncation=True)
            known[prompt, length] = torch.tensor(encoded["input_ids"], dtype=torch.long)
        return known[prompt, length].clone()


def id_position(tokenizer: Tokenizer) -> int:
    """Return the place of the "id" token in :data:`PROMPT`.

    Raises:
        UsageError: the tokenizer does not keep "id" as exactly one token of the prompt.
    """
    ids = ids_for(tokenizer, PROMPT)
    with _lock:
        word = tokenizer(ID_WORD, add_special_tokens=False)["input_ids"]
    places = (ids == word[0]).nonzero().flatten().tolist() if len(word) == 1 else []
    if len(places) != 1:
        raise UsageError(f'the tokenizer does not keep "{ID_WORD}" as one token of the prompt')
    return int(places[0])


def encode_identity(text_encoder: Network, tokenizer: Tokenizer, embeddings: Tensor) -> Tensor:
    """Return the conditions of ``embeddings``: FloatTensor [n, tokens, hidden].

    Args:
        text_encoder: A ``CLIPTextModel`` of hidden size >= d; it is not changed.
        embeddings: FloatTensor [n, d], of any length: each row is scaled to unit norm here.

    Raises:
        EmbeddingError: wrong rank, d larger than the hidden size, a value that is not finite, or a
            zero row.
    """
    layer = text_encoder.get_input_embeddings()
    hidden = int(layer.weight.shape[1])
    _check(embeddings, hidden)
    device, dtype = layer.weight.device, layer.weight.dtype
    unit = functional.normalize(embeddings.to(device=device), dim=-1).to(dtype)
    padded = functional.pad(unit, (0, hidden - unit.shape[1]))
    ids = ids_for(tokenizer, PROMPT).to(device).expand(len(unit), -1)
    carries = torch.zeros(ids.shape[1], dtype=torch.bool, device=device)
    carries[id_position(tokenizer)] = True
    words = functional.embedding(ids, layer.weight)
    return _encode(
        text_encoder, ids, torch.where(carries[None, :, None], padded[:, None, :], words)
    )


def encode_empty(text_encoder: Network, tokenizer: Tokenizer, n: int) -> Tensor:
    """Return the empty prompt's condition, ``n`` times: FloatTensor [n, tokens, hidden]."""
    device = text_encoder.get_input_embeddings().weight.device
    ids = ids_for(tokenizer, "").to(device)[None]
    hidden: Tensor = text_encoder(input_ids=ids).last_hidden_state
    return hidden.expand(n, -1, -1)


def _check(embeddings: Tensor, hidden: int) -> None:
    if embeddings.ndim != 2:
        raise EmbeddingError(f"embeddings must have two axes [n, d], not {embeddings.ndim}")
    if embeddings.shape[1] > hidden:
        raise EmbeddingError(
            f"{embeddings.shape[1]} numbers do not fit a text encoder of hidden size {hidden}"
        )
    if not bool(torch.isfinite(embeddings).all()):
        raise EmbeddingError("an embedding holds a value that is not finite")
    if not bool((embeddings.detach().norm(dim=-1) > 0).all()):
        raise EmbeddingError("an embedding is zero and names no direction")


def _encode(text_encoder: Network, ids: Tensor, token_embeddings: Tensor) -> Tensor:
    """Run the encoder with ``token_embeddings`` [n, tokens, hidden] in place of its own words."""
    layer = text_encoder.get_input_embeddings()
    with _lock:
        if layer not in _hooked:
            layer.register_forward_hook(_replace)
            _hooked.add(layer)
    token = _token_embeddings.set(token_embeddings)
    try:
        hidden: Tensor = text_encoder(input_ids=ids).last_hidden_state
        return hidden
    finally:
        _token_embeddings.reset(token)


def _replace(_module: object, _args: object, output: Tensor) -> Tensor:
    given = _token_embeddings.get()
    return output if given is None else given.to(device=output.device, dtype=output.dtype)
