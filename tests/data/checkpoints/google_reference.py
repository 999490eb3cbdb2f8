"""Compute the forward pass of google-research/electra in numpy and float64, from the variables of a checkpoint.

Written from the equations, without code of oxbert. Letters: B batch, S sequence, H hidden, E embedding, V vocabulary, L
labels. `ids`, `mask` (1 for a token, 0 for padding) and `segments` are [B, S].
"""

import math

import numpy as np

Array = np.ndarray
Variables = dict[str, Array]

erf = np.vectorize(math.erf, otypes=[np.float64])


def gelu(x: Array) -> Array:
    return x * 0.5 * (1 + erf(x / math.sqrt(2)))


def softmax(x: Array) -> Array:
    exponential = np.exp(x - x.max(-1, keepdims=True))
    return exponential / exponential.sum(-1, keepdims=True)


def dense(variables: Variables, scope: str, x: Array) -> Array:
    return x @ variables[scope + "/kernel"].astype(np.float64) + variables[scope + "/bias"]


def layer_norm(variables: Variables, scope: str, x: Array) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    normal = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
    return normal * variables[scope + "/gamma"].astype(np.float64) + variables[scope + "/beta"]


def attention(variables: Variables, scope: str, x: Array, mask: Array, heads: int) -> Array:
    batch, length, hidden = x.shape

    def split(name: str) -> Array:
        return dense(variables, f"{scope}/{name}", x).reshape(batch, length, heads, -1).transpose(0, 2, 1, 3)

    scores = split("query") @ split("key").transpose(0, 1, 3, 2) / math.sqrt(hidden // heads)
    context = softmax(scores + (1.0 - mask[:, None, None, :]) * -10000.0) @ split("value")
    return context.transpose(0, 2, 1, 3).reshape(batch, length, hidden)


def layer(variables: Variables, scope: str, x: Array, mask: Array, heads: int) -> Array:
    attended = dense(
        variables, f"{scope}/attention/output/dense", attention(variables, f"{scope}/attention/self", x, mask, heads)
    )
    x = layer_norm(variables, f"{scope}/attention/output/LayerNorm", attended + x)
    transformed = dense(variables, f"{scope}/output/dense", gelu(dense(variables, f"{scope}/intermediate/dense", x)))
    return layer_norm(variables, f"{scope}/output/LayerNorm", transformed + x)


def embeddings_scope(variables: Variables, network: str) -> str:
    """Return the scope of a network's embeddings; a generator without its own shares the discriminator's."""
    own = f"{network}/embeddings"
    return own if f"{own}/word_embeddings" in variables else "electra/embeddings"


def hidden_states(
    variables: Variables, network: str, ids: Array, mask: Array, segments: Array, heads: int
) -> list[Array]:
    """Return the input of the first layer and the output of each, [B, S, H]; `network` is "electra" or "generator"."""
    scope = embeddings_scope(variables, network)
    x = variables[f"{scope}/word_embeddings"].astype(np.float64)[ids]
    x = x + variables[f"{scope}/token_type_embeddings"][segments]
    x = x + variables[f"{scope}/position_embeddings"][: ids.shape[1]]
    x = layer_norm(variables, f"{scope}/LayerNorm", x)
    if f"{network}/embeddings_project/kernel" in variables:
        x = dense(variables, f"{network}/embeddings_project", x)
    states = [x]
    while f"{network}/encoder/layer_{len(states) - 1}/output/dense/kernel" in variables:
        states.append(layer(variables, f"{network}/encoder/layer_{len(states) - 1}", states[-1], mask, heads))
    return states


def discriminator_logits(variables: Variables, hidden: Array) -> Array:
    """Return logits [B, S], positive for tokens that are predicted to be replaced."""
    scope = "discriminator_predictions"
    return dense(variables, f"{scope}/dense_1", gelu(dense(variables, f"{scope}/dense", hidden)))[..., 0]


def generator_logits(variables: Variables, network: str, hidden: Array) -> Array:
    """Return logits [B, S, V] at every position; the original computes them at masked positions only."""
    scope = "generator_predictions"
    x = layer_norm(variables, f"{scope}/LayerNorm", gelu(dense(variables, f"{scope}/dense", hidden)))
    table = variables[embeddings_scope(variables, network) + "/word_embeddings"].astype(np.float64)
    return x @ table.T + variables[f"{scope}/output_bias"]


def classification_logits(variables: Variables, task: str, hidden: Array) -> Array:
    """Return logits [B, L] of the first token."""
    return dense(variables, f"task_specific/{task}/dense", hidden[:, 0])


def tagging_logits(variables: Variables, task: str, hidden: Array) -> Array:
    """Return logits [B, S, L] at every position; the original computes them at the first piece of each word."""
    return dense(variables, f"task_specific/{task}/dense", hidden)


def answer_penalty(mask: Array, segments: Array) -> Array:
    """Return a penalty [B, S]: -1000 outside the second segment, where no answer may be, except for the first token."""
    allowed = (mask * segments).astype(np.float64)
    allowed[:, 0] += 1
    return 1000.0 * (allowed - 1)


def joint_answer_logits(
    variables: Variables, task: str, hidden: Array, mask: Array, segments: Array
) -> dict[str, Array]:
    """Return `start_logits` [B, S], `end_logits` [B, S of the start, S of the end] and `unanswerable_logit` [B].

    An end is scored given a start: by the original for the best starts only, here for all.
    """
    scope = f"task_specific/{task}"
    penalty = answer_penalty(mask, segments)
    length = hidden.shape[1]
    start = dense(variables, f"{scope}/dense", hidden)[..., 0] + penalty
    pairs = np.concatenate([np.repeat(hidden[:, :, None], length, 2), np.repeat(hidden[:, None], length, 1)], -1)
    end = dense(variables, f"{scope}/dense_1", gelu(dense(variables, f"{scope}/qa_hidden", pairs)))[..., 0]
    summary = (softmax(start)[..., None] * hidden).sum(1)
    answerable = gelu(dense(variables, f"{scope}/dense_2", np.concatenate([hidden[:, 0], summary], -1)))
    return {
        "start_logits": start,
        "end_logits": end + penalty[:, None],
        "unanswerable_logit": dense(variables, f"{scope}/dense_3", answerable)[:, 0],
    }


def independent_answer_logits(
    variables: Variables, task: str, hidden: Array, mask: Array, segments: Array
) -> dict[str, Array]:
    """Return `start_logits` and `end_logits`, [B, S] each."""
    penalty = answer_penalty(mask, segments)
    return {
        "start_logits": dense(variables, f"task_specific/{task}/dense", hidden)[..., 0] + penalty,
        "end_logits": dense(variables, f"task_specific/{task}/dense_1", hidden)[..., 0] + penalty,
    }
