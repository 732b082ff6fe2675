"""An embedding becomes a condition as in Arc2Face, on tiny untrained networks."""

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch.nn import functional

from govsdk.errors import EmbeddingError
from govsdk.models.conditioning import PROMPT, encode_empty, encode_identity, id_position, ids_for
from govsdk.reference.generator import build_text_encoder, write_tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return write_tokenizer(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="module")
def text_encoder(tokenizer):
    torch.manual_seed(0)
    return build_text_encoder(len(tokenizer), tokenizer.eos_token_id).eval()


def by_hand(text_encoder, tokenizer, embeddings):
    """What the hook must compute, by overwriting the word table of a copy, one person at a time."""
    rows = []
    ids = ids_for(tokenizer, PROMPT)
    for embedding in functional.normalize(embeddings, dim=-1):
        changed = copy.deepcopy(text_encoder)
        table = changed.get_input_embeddings().weight.data
        table[ids[id_position(tokenizer)]] = functional.pad(embedding, (0, 192 - len(embedding)))
        rows.append(changed(input_ids=ids[None]).last_hidden_state[0])
    return torch.stack(rows)


def test_the_prompt_is_eight_tokens_with_one_for_id(tokenizer):
    """Every word of the prompt is one token; start, five words, end, one pad."""
    ids = ids_for(tokenizer, PROMPT)

    assert ids.shape == (8,)
    assert len(set(ids[:6].tolist())) == 6
    assert id_position(tokenizer) == 4


def test_only_the_id_token_carries_the_embedding(text_encoder, tokenizer):
    """The result equals an encoder whose word for "id" is the padded unit embedding."""
    embeddings = torch.randn(3, 128)
    with torch.no_grad():
        expected = by_hand(text_encoder, tokenizer, embeddings)
        found = encode_identity(text_encoder, tokenizer, embeddings)

    torch.testing.assert_close(found, expected)


def test_tokens_before_the_identity_do_not_know_it(text_encoder, tokenizer):
    """The mask is causal: the first four tokens are the same for everybody, later ones are not."""
    with torch.no_grad():
        told = encode_identity(text_encoder, tokenizer, torch.randn(2, 128))

    torch.testing.assert_close(told[0, :4], told[1, :4])
    assert (told[0, 4:] - told[1, 4:]).abs().max() > 0.1


def test_length_of_the_embedding_does_not_matter(text_encoder, tokenizer):
    """Rows are scaled to unit length."""
    given = torch.randn(2, 128)
    with torch.no_grad():
        one, nine = (encode_identity(text_encoder, tokenizer, k * given) for k in (1, 9))

    torch.testing.assert_close(one, nine)


def test_gradients_reach_the_embedding(text_encoder, tokenizer):
    """Attacks search in the embedding space through this."""
    given = torch.randn(2, 128, requires_grad=True)
    encode_identity(text_encoder, tokenizer, given)[:, -1].pow(2).sum().backward()

    assert given.grad is not None
    assert given.grad.abs().sum() > 0


def test_threads_do_not_mix_people(text_encoder, tokenizer):
    """Twelve threads at once get what they get alone, and a plain call is not touched."""
    given = torch.randn(12, 1, 128)
    with torch.no_grad():
        alone = [encode_identity(text_encoder, tokenizer, e) for e in given]
        empty = encode_empty(text_encoder, tokenizer, 1)

    def work(embedding):
        with torch.no_grad():
            return (
                encode_identity(text_encoder, tokenizer, embedding),
                encode_empty(text_encoder, tokenizer, 1),
            )

    with ThreadPoolExecutor(12) as pool:
        for expected, (found, plain) in zip(alone, pool.map(work, given), strict=True):
            torch.testing.assert_close(found, expected)
            torch.testing.assert_close(plain, empty)


def test_empty_condition_is_the_empty_prompt(text_encoder, tokenizer):
    """Guidance's other half is the encoder's output for "", once for each row."""
    with torch.no_grad():
        empty = encode_empty(text_encoder, tokenizer, 3)
        plain = text_encoder(input_ids=ids_for(tokenizer, "")[None]).last_hidden_state

    torch.testing.assert_close(empty, plain.expand(3, -1, -1))


@pytest.mark.parametrize(
    "given",
    [
        torch.ones(128),
        torch.ones(1, 193),
        torch.full((1, 128), float("nan")),
        torch.full((1, 128), float("inf")),
        torch.zeros(1, 128),
    ],
    ids=["one axis", "too wide", "not a number", "infinite", "zero"],
)
def test_what_is_no_embedding_is_refused(text_encoder, tokenizer, given):
    """A wrong rank, width or value never reaches the encoder."""
    with pytest.raises(EmbeddingError):
        encode_identity(text_encoder, tokenizer, given)
