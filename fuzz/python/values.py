"""Expressions of valid values by the name of the parameter, and of values that no caller should give."""

from __future__ import annotations

VALID: dict[str, list[str]] = {
    "ids": ["[[2, 5, 3]]", "[[2, 5, 3], [2, 3]]", "np.array([[2, 5, 6, 3]])", "torch.tensor([[2, 5, 3]])"],
    "mask": ["[[1, 1, 0]]", "np.ones((1, 3), bool)", "torch.ones(1, 3)", "None"],
    "text": [
        "'hello world'",
        "'the cat [MASK] on the mat'",
        "['one', 'two words']",
        "'\\u00e9\\u0301 \\u4e2d\\u6587 \\U0001f600'",
    ],
    "texts": ["['the cat [MASK] on the mat']", "['a', 'b [MASK]']", "'a [MASK]'"],
    "hidden": ["np.zeros((2, 3, 8), np.float32)", "torch.ones(1, 4, 8)", "torch.ones(1, 4, 8, requires_grad=True)"],
    "folder": ["folder", "folder + '/none'", "'electra-tiny-generator'", "pathlib.Path(folder)"],
    "config": ["config()", "config(num_labels=3)", "oxbert.DistilBertConfig(**distilbert)"],
    "bool": ["True", "False"],
    "count": ["1", "2", "8"],
    "tokens": ["['a', 'b']", "['[CLS]', 'a', '##b']", "'a'"],
    "flat": ["[2, 5, 3]", "np.array([2, 5, 3])", "torch.tensor([2, 5, 3])", "7"],
    "device": ["'cpu'", "torch.device('cpu')", "None"],
    "labels": ["[[1, -100, 2]]", "[0]", "[1.0]", "None"],
    "inputs": [
        "'the cat'",
        "['a b', 'hello world']",
        "{'question': 'a', 'context': 'the cat ' * 30}",
        "(x for x in 'ab')",
    ],
    "strategy": ["'none'", "'simple'", "'first'", "'average'", "'max'"],
}

# The kind of value that a parameter takes, by its name.
KINDS: dict[str, str] = {
    "input_ids": "ids",
    "rows": "ids",
    "attention_mask": "mask",
    "token_type_ids": "mask",
    "position_ids": "mask",
    "inputs_embeds": "hidden",
    "hidden_states": "hidden",
    "input": "hidden",
    "labels": "labels",
    "start_positions": "flat",
    "end_positions": "flat",
    "text": "text",
    "text_pair": "text",
    "inputs": "inputs",
    "question": "text",
    "context": "text",
    "aggregation_strategy": "strategy",
    "max_seq_len": "count",
    "doc_stride": "count",
    "max_question_len": "count",
    "max_answer_len": "count",
    "is_split_into_words": "bool",
    "handle_impossible_answer": "bool",
    "align_to_words": "bool",
    "pair": "text",
    "texts": "texts",
    "sequences": "ids",
    "token_ids": "flat",
    "ids": "flat",
    "token_ids_0": "flat",
    "token_ids_1": "flat",
    "tokens": "tokens",
    "new_tokens": "tokens",
    "folder": "folder",
    "path": "folder",
    "vocab_file": "folder",
    "config": "config",
    "generator": "config",
    "discriminator": "config",
    "device": "device",
    "top_k": "count",
    "seed": "count",
    "step": "count",
    "max_length": "count",
    "stride": "count",
    "pad_to_multiple_of": "count",
    "new_num_tokens": "count",
    "num_labels": "count",
    "vocab": "folder",
    "device_map": "device",
    "output_loading_info": "bool",
    "ignore_mismatched_sizes": "bool",
    "trust_remote_code": "bool",
    "padding": "bool",
    "truncation": "bool",
    "output_hidden_states": "bool",
    "output_attentions": "bool",
    "return_dict": "bool",
    "mode": "bool",
    "special_tokens": "bool",
}

# Keyword arguments of functions whose signature is `**options`.
OPTIONS: dict[str, list[str]] = {
    "tokenizer": (
        "padding truncation max_length stride pad_to_multiple_of return_tensors add_special_tokens padding_side"
        " return_attention_mask return_token_type_ids return_special_tokens_mask return_offsets_mapping return_length"
        " return_overflowing_tokens is_split_into_words"
    ).split(),
    "loading": (
        "attn_implementation dtype torch_dtype device_map use_safetensors from_tf from_flax ignore_mismatched_sizes"
        " output_loading_info state_dict trust_remote_code low_cpu_mem_usage weights_only quantization_config variant"
        " hidden_size num_labels id2label"
    ).split(),
    "model": (
        "input_ids attention_mask token_type_ids position_ids inputs_embeds labels output_hidden_states"
        " output_attentions return_dict"
    ).split(),
    "QuestionAnsweringPipeline": (
        "top_k max_seq_len doc_stride max_question_len max_answer_len handle_impossible_answer align_to_words"
    ).split(),
    "TokenClassificationPipeline": ("aggregation_strategy ignore_labels stride is_split_into_words delimiter").split(),
}

HOSTILE: list[str] = [
    # Integers and floats of every size and sign.
    *("-1", "0", "2**31", "-2**31 - 1", "2**63", "2**64", "10**30", "-10**30", "2**40", "2**20"),
    *("float('nan')", "float('inf')", "-0.0", "1e308", "0.5", "True", "np.int64(-1)", "np.float16(3)", "1j"),
    "fractions.Fraction(1, 2)",
    "decimal.Decimal('1e999')",
    # Texts and bytes.
    *("''", "'\\0'", "'\\ud800'", "'a' * 100_000", "'[MASK]' * 600", "'\\u0301' * 5000", "'https://'", "b'bytes'"),
    *("bytearray(3)", "'../' * 40", "'cuda:99'", "'meta'", "'nonsense'", "str_subclass('a')"),
    # Containers.
    *("None", "[]", "[[]]", "()", "{}", "{'a': 1}", "{1: 2}", "set()", "object()", "Ellipsis", "int", "lambda: 0"),
    *(
        "[[1], [2, 3]]",
        "[[1, 'a']]",
        "[[None]]",
        "[[2**70]]",
        "[[-1]]",
        "[[10**6]]",
        "[[1.5]]",
        "[[[1]]]",
        "[[1]] * 3000",
    ),
    *("range(10**12)", "range(3)", "(x for x in [1])", "iter([[1]])", "deep(200)", "cyclic()", "dict.fromkeys('abc')"),
    *("memoryview(b'abc')", "array.array('l', [1])", "collections.UserList([1])", "types.SimpleNamespace(config=1)"),
    # Objects whose protocols lie or fail.
    *("hostile('__len__', -1)", "hostile('__len__', 2**62)", "hostile('__iter__', 3)", "hostile('__index__', 'a')"),
    *("hostile('__index__', 2**70)", "hostile('__fspath__', 7)", "failing('__len__')", "failing('__iter__')"),
    *(
        "failing('__index__')",
        "failing('__fspath__')",
        "failing('__str__')",
        "failing('__array__')",
        "failing('__eq__')",
    ),
    # Arrays.
    *("np.zeros((0, 3), int)", "np.zeros((3, 0))", "np.zeros((1, 2, 3, 4))", "np.array(3)", "np.array([[1, None]])"),
    *("np.array([['a']])", "np.array([[1]], '>i8')", "np.array([[1.5]], np.float16)", "np.ones((2, 6), int)[:, ::2]"),
    *(
        "np.zeros((2, 2), 'i4,f4')",
        "np.array([[2**63]], np.uint64)",
        "np.array(['2020'], 'M8')",
        "np.ones((1, 5000), int)",
    ),
    *("np.broadcast_to(np.int64(1), (1, 10**9))", "np.full((2, 3, 8), np.nan, np.float32)", "np.ones((1, 3), complex)"),
    "np.ma.masked_array([[1]])",
    "np.zeros((1, 3, 9), np.float32)",
    # Tensors.
    *("torch.empty(2, 3, device='meta')", "torch.eye(3).to_sparse()", "torch.zeros(0)", "torch.tensor(5)"),
    *("torch.quantize_per_tensor(torch.ones(2, 3), 1.0, 0, torch.qint8)", "torch.ones(1, 3, dtype=torch.bfloat16)"),
    *("torch.ones(1, 3, dtype=torch.complex64).conj()", "torch.ones(1, 3, dtype=torch.complex64).conj().imag"),
    *("torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])", "torch.ones(6, 2).t()", "torch.ones(1, 3).half()"),
    *("torch.ones(1, 1).expand(1, 10**8)", "torch.full((1, 3), -1)", "torch.full((1, 3), 10**9)", "fake_tensor()"),
    *("torch.nn.Parameter(torch.ones(1, 4, 8))", "torch.ones(1, 3, dtype=torch.uint8)", "torch.zeros(1, 3, 0)"),
    *("torch.float32", "torch.device('meta')", "torch.nn.Linear(2, 2)", "tensor_subclass(torch.ones(1, 3))"),
    # Objects of the package in the wrong place.
    *("config()", "tokenizer()", "model('ElectraModel')", "oxbert.Activation('gelu')", "oxbert.ElectraModel"),
]

SETUP = """
import array, collections, decimal, fractions, os, pathlib, types
import numpy as np
import torch
import oxbert
from oxbert import training

electra = dict(vocab_size=40, embedding_size=6, hidden_size=8, num_hidden_layers=2, num_attention_heads=2,
    intermediate_size=10, max_position_embeddings=24)
distilbert = dict(vocab_size=40, dim=8, n_layers=2, n_heads=2, hidden_dim=10, max_position_embeddings=24)

def config(**more):
    return oxbert.ElectraConfig(**{**electra, **more})

def model(name):
    kind = getattr(oxbert, name)
    return kind(oxbert.DistilBertConfig(**distilbert) if name.startswith("DistilBert") else config(), seed=0)

def module(name):
    import oxbert.torch
    return oxbert.torch.Module(model(name))

def tokenizer():
    return oxbert.ElectraTokenizer(folder + "/vocab.txt")

def networks():
    return oxbert.PretrainingNetworks(config(), config(), special_ids=(2, 3, 4), max_predictions=2, seed=0)

def fill():
    return oxbert.FillMask.from_pretrained("electra-tiny-generator")

def detect():
    return oxbert.ReplacedTokenDetection.from_pretrained("electra-tiny-discriminator")

def serve(task, name):
    path = f"{folder}/{task}"
    if not os.path.exists(path):
        model(name).save_pretrained(path)
        tokenizer().save_pretrained(path)
    return oxbert.pipeline(task, path)

def encoded():
    return tokenizer()(["a b", "c"], padding=True)

class Planted(ValueError):
    pass

def hostile(name, value):
    return type("Hostile", (), {name: lambda self, *_: value})()

def failing(name):
    def fail(self, *_):
        raise Planted(name)
    return type("Failing", (), {name: fail, "__hash__": None})()

class str_subclass(str):
    pass

class tensor_subclass(torch.Tensor):
    def __new__(cls, data):
        return torch.Tensor._make_subclass(cls, data)

def deep(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value

def cyclic():
    value = []
    value.append(value)
    return value

def fake_tensor():
    from torch._subclasses.fake_tensor import FakeTensorMode
    with FakeTensorMode():
        return torch.ones(1, 3)
"""
"""What the expressions of a case need. `folder` is the path of a folder with a vocabulary and a small model."""
