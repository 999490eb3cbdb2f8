"""Test that exported names are documented and typed, and that their examples run."""

from __future__ import annotations

import ast
import doctest
import importlib
import importlib.util
import inspect
import pickle
import re
import sys
import types
import typing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import oxbert
from oxbert import _native

from .modules import MODULES
from .processes import run

ROOT = Path(__file__).parents[2]
STUBS = Path(oxbert.__file__).parent / "_native.pyi"
TREE = ast.parse(STUBS.read_text("utf-8"))
EXPORTED = {name for name in dir(_native) if not name.startswith("_")}
DEFINED = [node for node in TREE.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
PUBLIC = [node for node in DEFINED if not node.name.startswith("_")]
CLASSES = {node.name: node for node in DEFINED if isinstance(node, ast.ClassDef)}
KINDS = {name: thing for name in EXPORTED if isinstance(thing := getattr(_native, name), type)}
MODELS = sorted(name for name, kind in KINDS.items() if issubclass(kind, oxbert.Model) and kind is not oxbert.Model)
CONFIGS = ["ElectraConfig", "DistilBertConfig"]
OPTIONS = ["output_hidden_states", "output_attentions", "return_dict"]
# Arguments of transformers that may only be None, or False.
ABSENT = ["head_mask", "use_cache", "encoder_hidden_states", "encoder_attention_mask", "past_key_values", "cache"]
# Modules whose names are public.
DOCUMENTED = {
    "oxbert",
    "oxbert.auto",
    "oxbert.conversion",
    "oxbert.encoding",
    "oxbert.errors",
    "oxbert.hub",
    "oxbert.modelcard",
    "oxbert.outputs",
    "oxbert.pictures",
    "oxbert.pipelines",
    "oxbert.pretrainer",
    "oxbert.ray",
    "oxbert.tf",
    "oxbert.torch",
    "oxbert.training",
    "oxbert.training.data",
}


def items(name: str) -> list[ast.stmt]:
    """Return the members of a class of the stubs, and of those bases that do not exist at run time."""
    node = CLASSES[name]
    bases = [base.value if isinstance(base, ast.Subscript) else base for base in node.bases]
    private = [base.id for base in bases if isinstance(base, ast.Name) and base.id.startswith("_")]
    return [*node.body, *(item for base in private for item in items(base))]


def methods(name: str, *wanted: str) -> list[ast.FunctionDef]:
    """Return the methods of a class of the stubs, all or those of the given names, including overloads."""
    found = [item for item in items(name) if isinstance(item, ast.FunctionDef)]
    return [item for item in found if not wanted or item.name in wanted]


def fields(name: str) -> dict[str, str]:
    """Return the attributes of a class of the stubs with their types."""
    found = [item for item in items(name) if isinstance(item, ast.AnnAssign)]
    types = {ast.unparse(item.target): ast.unparse(item.annotation) for item in found}
    return {field: types[field] for field in types if not field.startswith("_") and field != "sub_configs"}


def public(names: Any) -> set[str]:
    return {name for name in names if not name.startswith("_")}


def test_every_native_name_is_public() -> None:
    assert set(oxbert.__all__) >= EXPORTED
    for name in oxbert.__all__:
        assert hasattr(oxbert, name)
    assert len(oxbert.__all__) == len(set(oxbert.__all__))
    assert oxbert.__all__ == sorted(oxbert.__all__, key=lambda name: (not name.isupper(), name))
    # Names that only modules of the package use begin with an underscore.
    assert set(_native.__all__) == EXPORTED | {
        "__version__",
        "_FeatureExtraction",
        "_Pipeline",
        "_QuestionAnswering",
        "_SentenceEncoder",
        "_TFRecordFile",
        "_TextClassification",
        "_TokenClassification",
        "_ZeroShotClassification",
        "_TIES",
        "_TORCH_RELEASE",
        "_WEIGHT_FORMATS",
        "_features",
        "_kernels",
        "_outside_modes",
        "_record",
        "_set_threads",
        "_threads",
    }
    assert tuple(_native.WEIGHT_FILES) == oxbert.hub.WEIGHTS


def test_every_class_takes_weak_references() -> None:
    native = [thing for thing in vars(_native).values() if isinstance(thing, type)]
    public = [thing for name in DOCUMENTED for thing in vars(importlib.import_module(name)).values()]
    classes = {kind for kind in public if isinstance(kind, type) and kind.__module__.startswith("oxbert")}
    classes.update(native)
    assert len(classes) > 60
    # Python's tuples and dictionaries have no room for it.
    plain = [kind for kind in classes if issubclass(kind, tuple) or kind.__base__ is dict]
    assert not {kind.__name__ for kind in classes if not kind.__weakrefoffset__} - {kind.__name__ for kind in plain}


def test_stubs_and_exports_have_the_same_names() -> None:
    assert {node.name for node in PUBLIC} | {"WEIGHT_FILES"} == EXPORTED
    assigned = {ast.unparse(node.targets[0]): node.value for node in TREE.body if isinstance(node, ast.Assign)}
    assert set(ast.literal_eval(assigned["__all__"])) == set(_native.__all__)
    for name in public(CLASSES):
        kind = getattr(_native, name)
        found = public(vars(kind))
        inherited = {member for base in kind.__mro__[1:] for member in vars(base)}
        stubbed = public(item.name for item in methods(name)) - inherited
        assert stubbed <= found, name
        attributes = {field for base in kind.__mro__[:-1] for field in fields(base.__name__)}
        annotated = {field for field in attributes if field in ("model_type", "arguments") or field.isupper()}
        assert found <= stubbed | annotated | ({"sub_configs"} if name == "Config" else set()), name


def test_docstrings_of_the_stub_match_the_module() -> None:
    """Compare the docstrings; `python tools/stub_docs.py` rewrites them."""
    path = ROOT / "tools" / "stub_docs.py"
    spec = importlib.util.spec_from_file_location("stub_docs", path)
    assert spec is not None and spec.loader is not None
    stub_docs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stub_docs)
    text = STUBS.read_text("utf-8")
    assert stub_docs.documented(text) == text


@pytest.mark.parametrize("name", sorted(EXPORTED - {"WEIGHT_FILES"}))
def test_every_native_member_has_its_own_docstring(name: str) -> None:
    thing = getattr(_native, name)
    members = vars(thing) if isinstance(thing, type) else {}
    documented = {name: thing} | {
        f"{name}.{member}": getattr(thing, member)
        for member in members
        if (not member.startswith("_") or member == "__call__")
        and not isinstance(getattr(thing, member), str | tuple | dict)
    }
    for path, member in documented.items():
        text = member.__doc__ or ""
        assert re.match("[A-Z][a-z]+,? [^ ]", text), path
        assert not text.startswith("Call self as a function"), path
        assert text not in {str.__doc__, int.__doc__, type(member).__doc__}, path
    if "__call__" in members:
        assert members["__call__"].__name__ == "__call__"
        assert "_call" not in dir(thing)
        inspect.signature(members["__call__"])


# Models.


def test_there_are_seventeen_models() -> None:
    assert len(MODELS) == 17
    heads = {name.removeprefix("Electra") for name in MODELS if name.startswith("Electra")}
    # Only ELECTRA has a discriminator.
    assert heads - {"ForPreTraining"} == {name.removeprefix("DistilBert") for name in MODELS if "DistilBert" in name}


@pytest.mark.parametrize("name", MODELS)
def test_stubs_of_model_calls_match_the_signatures(name: str) -> None:
    kind = getattr(oxbert, name)
    tensors, arrays, tuples = methods(name, "__call__")
    ignored = ["token_type_ids"] if name.startswith("DistilBert") else []
    for overload in [tensors, arrays]:
        assert tuple(argument.arg for argument in overload.args.args[1:]) == kind.arguments
        assert [argument.arg for argument in overload.args.kwonlyargs] == ignored + OPTIONS + ABSENT
        assert overload.args.vararg is overload.args.kwarg is None and not overload.args.posonlyargs
        assert all(default is None or ast.literal_eval(default) is None for default in overload.args.kw_defaults)
        assert len(overload.args.defaults) == len(kind.arguments)
    types = [ast.unparse(overload.args.args[1].annotation or overload) for overload in [tensors, arrays]]
    assert types == ["torch.Tensor | None", "_Rows | None"]
    assert ast.unparse(tuples.returns or tuples) == "tuple[Any, ...]"


@pytest.mark.parametrize("name", [name for name in MODELS if hasattr(transformers, name)])
def test_the_order_of_arguments_matches_transformers(name: str) -> None:
    ours = getattr(oxbert, name).arguments
    theirs = list(inspect.signature(getattr(transformers, name).forward).parameters)
    # The remaining arguments of transformers are for decoders.
    assert ours == tuple(theirs[1 : len(ours) + 1])
    assert name == "ElectraModel" or theirs[len(ours) + 1 :] == ["kwargs"]


@pytest.mark.parametrize("name", MODELS)
def test_stubs_name_the_outputs_of_every_model(name: str) -> None:
    """Check the type arguments of each model's base: the model and its outputs for tensors and arrays."""
    kind = getattr(oxbert, name)
    (base,) = [base for base in CLASSES[name].bases if isinstance(base, ast.Subscript)]
    assert isinstance(base.slice, ast.Tuple)
    itself, tensors, arrays = map(ast.unparse, base.slice.elts)
    assert ast.literal_eval(itself) == name
    family = "ElectraConfig" if name.startswith("Electra") else "DistilBertConfig"
    assert f"[{family}," in ast.unparse(CLASSES[ast.unparse(base.value)].bases[0])
    model = kind(getattr(oxbert, family)(vocab_size=9, num_hidden_layers=1, hidden_size=24), seed=0)
    rows = [[[1, 2]]] if "MultipleChoice" in name else [[1, 2]]
    assert type(model.config).__name__ == family
    for ids, stub, array in [(torch.tensor(rows), tensors, torch.Tensor), (rows, arrays, np.ndarray)]:
        output = model(ids)
        assert type(output).__name__ == stub.partition("[")[0]
        assert type(output[0]) is array
        assert type(model(ids, return_dict=False)) is tuple
    assert "torch.Tensor" in tensors and "_Floats" in arrays


@pytest.mark.parametrize("name", MODELS)
def test_unknown_arguments_are_refused(name: str) -> None:
    kind = getattr(oxbert, name)
    family = oxbert.ElectraConfig if name.startswith("Electra") else oxbert.DistilBertConfig
    model = kind(family(vocab_size=9, num_hidden_layers=0, hidden_size=24), seed=0)
    known = {*kind.arguments, *OPTIONS, *(["token_type_ids"] if family is oxbert.DistilBertConfig else [])}
    for argument in ["labels", "start_positions", "head_masks", "token_type_ids"]:
        if argument not in known:
            with pytest.raises(TypeError, match=f"{name}.*{argument}"):
                model([[1]], **{argument: None})
    with pytest.raises(TypeError, match=f"at most {len(kind.arguments)} positional arguments"):
        model(*[None] * (len(kind.arguments) + 1))
    with pytest.raises(TypeError, match="multiple values for argument"):
        model([[1]], input_ids=[[1]])


# Configurations.


@pytest.mark.parametrize("name", CONFIGS)
def test_stubs_of_configurations_match_fields_and_defaults(name: str) -> None:
    config = getattr(oxbert, name)()
    (new,) = methods(name, "__new__")
    known = fields(name) | fields("Config")
    aliases = {"hidden_size", "num_hidden_layers", "num_attention_heads"} if name == "DistilBertConfig" else set()
    arguments = {
        argument.arg: default for argument, default in zip(new.args.kwonlyargs, new.args.kw_defaults, strict=True)
    }
    assert set(arguments) == set(known) - aliases - {"model_type"}
    assert set(config.to_dict()) == set(known) - aliases - {"num_labels"}
    for field, default in arguments.items():
        assert default is not None
        value = ast.literal_eval(default)
        assert value is ... or (value, type(value)) == (getattr(config, field), type(getattr(config, field))), field
    text = inspect.cleandoc(ast.get_docstring(CLASSES[name]) or "")
    described = re.findall(r"^    (\w+): ", text[text.index("Args:") : text.index("Raises:")], re.MULTILINE)
    assert [*described] == [*arguments, "values"]


@pytest.mark.parametrize("name", CONFIGS)
def test_attributes_have_the_types_of_the_stubs(name: str) -> None:
    config = getattr(oxbert, name)()
    types = {"int": int, "str": str, "float": float, "bool": bool, "dict[int, str]": dict, "dict[str, int]": dict}
    for field, annotation in (fields(name) | fields("Config")).items():
        value, expected = getattr(config, field), types.get(annotation.removesuffix(" | None"))
        assert value is None and annotation.endswith(" | None") or type(value) is expected, field


# Tokenizers.


def stubbed_defaults(method: str) -> dict[str, Any]:
    """Return the keywords of a method of tokenizers in the stubs, with their defaults."""
    (function,) = methods("Tokenizer", method)
    names = [argument.arg for argument in function.args.kwonlyargs]
    defaults = [ast.literal_eval(default) for default in function.args.kw_defaults if default is not None]
    return dict(zip(names, defaults, strict=True))


def test_stubs_of_tokenizer_calls_match_the_signatures() -> None:
    """Check keywords, which `stubtest` does not compare for a call."""
    defaults = stubbed_defaults("__call__")
    theirs = list(inspect.signature(transformers.ElectraTokenizerFast.__call__).parameters)
    # Tokenizers of these families have no targets and no `verbose` output.
    assert set(theirs) - {"self", "text_target", "text_pair_target", "verbose", "tokenizer_kwargs", "kwargs"} == {
        *defaults,
        "text",
        "text_pair",
    }
    tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
    assert tokenizer("a text", None, **defaults) == tokenizer("a text")
    for name in ["return_lengths", "text_target"]:
        with pytest.raises(TypeError, match=name):
            tokenizer("a text", **{name: None})
    with pytest.raises(TypeError, match="positional"):
        tokenizer("a text", None, True)
    known = {item.target.id for item in CLASSES["_EncodeOptions"].body if isinstance(item, ast.AnnAssign)}  # type: ignore[union-attr]
    assert known == {name for name in defaults if not name.startswith("return_")}
    for name in known:
        assert tokenizer.encode("a text", **{name: defaults[name]}) == tokenizer.encode("a text")
    rows = {"input_ids": [[1, 2], [3]]}
    assert tokenizer.pad(rows, **stubbed_defaults("pad")) == tokenizer.pad(rows)


@pytest.mark.parametrize("name", ["ElectraTokenizer", "DistilBertTokenizer"])
def test_stubs_of_tokenizers_match_their_defaults(name: str) -> None:
    signature = inspect.signature(getattr(oxbert, name))
    (new,) = methods(name, "__new__")
    stubbed = {
        argument.arg: default for argument, default in zip(new.args.kwonlyargs, new.args.kw_defaults, strict=True)
    }
    found = {parameter.name: parameter.default for parameter in signature.parameters.values()}
    assert found.pop("vocab_file") is None
    assert found == {argument: ast.literal_eval(default) for argument, default in stubbed.items() if default}
    text = inspect.cleandoc(ast.get_docstring(CLASSES[name]) or "")
    described = re.findall(r"^    (\w+): ", text[text.index("Args:") : text.index("Raises:")], re.MULTILINE)
    assert described == ["vocab_file", *stubbed]
    with pytest.raises(TypeError):
        oxbert.Tokenizer()  # type: ignore[call-arg]


def test_encodings_have_the_methods_of_transformers() -> None:
    ours, theirs = public(vars(oxbert.BatchEncoding)), public(vars(transformers.BatchEncoding))
    assert theirs - ours <= {"items", "keys", "values"}
    for name in theirs & ours:
        function = getattr(transformers.BatchEncoding, name)
        if callable(function):
            expected = inspect.signature(function)
            found = inspect.signature(getattr(oxbert.BatchEncoding, name))
            assert [(one.name, one.default) for one in found.parameters.values()] == [
                (one.name, one.default) for one in expected.parameters.values()
            ], name


# Types.

# Type checkers must report the lines that end with this comment.
REFUSED = "# refused"
TYPED = """
from typing import Any
from typing_extensions import assert_type
import pathlib
import numpy as np, numpy.typing as npt, torch
import oxbert
from oxbert import outputs, pipelines
Floats = npt.NDArray[np.float32]
ids = torch.tensor([[1]])
electra, distilbert = oxbert.ElectraConfig(hidden_size=8, mine=[1]), oxbert.DistilBertConfig(hidden_size=8, num_labels=3)
oxbert.ElectraConfig(hidden_size="wide")  # refused
electra.problem_type = "regression"
electra.problem_type = "guess"  # refused
assert_type(oxbert.ElectraConfig.from_pretrained("folder"), oxbert.ElectraConfig)
assert_type(oxbert.Config.from_dict({}), oxbert.Config)
assert_type(oxbert.ElectraConfig.from_pretrained("folder", num_labels=3), oxbert.ElectraConfig)
assert_type(
    oxbert.ElectraConfig.from_pretrained("folder", return_unused_kwargs=True),
    tuple[oxbert.ElectraConfig, dict[str, Any]],
)

model = oxbert.ElectraModel.from_pretrained("folder")
assert_type(model, oxbert.ElectraModel)
assert_type(
    oxbert.ElectraModel.from_pretrained(None, config=electra, output_loading_info=True),
    tuple[oxbert.ElectraModel, dict[str, Any]],
)
assert_type(oxbert.ElectraModel(electra, seed=0), oxbert.ElectraModel)
assert_type(model.train().config, oxbert.ElectraConfig)
assert_type(oxbert.DistilBertModel.from_config(distilbert).config, oxbert.DistilBertConfig)
oxbert.ElectraModel(distilbert)  # refused

assert_type(oxbert.pipeline("feature-extraction"), pipelines.FeatureExtractionPipeline)
assert_type(oxbert.pipeline("fill-mask", model), pipelines.FillMaskPipeline)
assert_type(oxbert.pipeline("question-answering", "folder", top_k=2), pipelines.QuestionAnsweringPipeline)
assert_type(oxbert.pipeline("replaced-token-detection"), pipelines.ReplacedTokenDetectionPipeline)
assert_type(oxbert.pipeline("sentiment-analysis", precision="int8"), pipelines.TextClassificationPipeline)
assert_type(oxbert.pipeline("ner", "folder"), pipelines.TokenClassificationPipeline)
assert_type(oxbert.pipeline("zero-shot-classification", "folder"), pipelines.ZeroShotClassificationPipeline)
assert_type(oxbert.pipeline("fill" + "-mask"), pipelines.Pipeline)
oxbert.pipeline("fill-mask", precision="int4")  # refused

assert_type(model(ids), outputs.BaseModelOutput[torch.Tensor])
assert_type(model(ids, [[1]]).hidden_states, tuple[torch.Tensor, ...] | None)
assert_type(model([[1, 2], [3]]), outputs.BaseModelOutput[Floats])
assert_type(model([np.array([1, 2]), np.array([3])]), outputs.BaseModelOutput[Floats])
assert_type(model(np.array([[1]]), ids), outputs.BaseModelOutput[Floats])
assert_type(model(None, ids, ids, ids, torch.ones(1, 1, 8)), outputs.BaseModelOutput[torch.Tensor])
assert_type(model(inputs_embeds=np.ones((1, 1, 8), np.float32)), outputs.BaseModelOutput[Floats])
assert_type(model(inputs_embeds=[[[0.5]]]), outputs.BaseModelOutput[Floats])
assert_type(model(ids, return_dict=False), tuple[Any, ...])
model(3)  # refused
model([1, 2])  # refused
model([["a"]])  # refused
model(ids, labels=ids)  # refused
model(ids, inputs_embeds=np.ones((1, 1, 8), np.float32))  # refused

texts = oxbert.DistilBertForSequenceClassification(distilbert)
assert_type(texts(ids, labels=[1]), outputs.SequenceClassifierOutput[torch.Tensor])
assert_type(texts([[1]], labels=[[0.5, 1.0]], token_type_ids=[[0]]).loss, Floats | None)
texts(ids, None, None, ids, ids)
texts(ids, None, None, ids, ids, ids)  # refused
answers = oxbert.ElectraForQuestionAnswering(electra)
assert_type(answers(ids, start_positions=ids[0], end_positions=[1]).start_logits, torch.Tensor)
answers(ids, labels=[1])  # refused
answers(ids, start_positions=[1], end_positions=[1], is_impossible=[0])  # refused
joint = oxbert.ElectraForJointQuestionAnswering(electra)
places = joint([[1]], start_positions=[1], end_positions=[1], is_impossible=[0])
assert_type(places, outputs.JointQuestionAnsweringModelOutput[Floats])
choices = oxbert.ElectraForMultipleChoice(electra)
assert_type(choices([[[1, 2], [3]], [[4], [5]]], labels=[0, 1]), outputs.MultipleChoiceModelOutput[Floats])

for either in [model, texts]:
    either([[1]])
def run(any_model: oxbert.Model) -> str:
    any_model.load_state_dict(any_model.state_dict())
    any_model.set_input_embeddings(any_model.get_input_embeddings())
    any_model([[1]], labels=[1])
    return any_model.config.model_type + any_model.arguments[0]
any_kind: type[oxbert.Model] = oxbert.ElectraModel

tokenizer = oxbert.ElectraTokenizer("vocab.txt")
assert_type(oxbert.DistilBertTokenizer.from_pretrained("folder"), oxbert.DistilBertTokenizer)
assert_type(oxbert.AutoTokenizer.from_pretrained("folder"), oxbert.Tokenizer)
assert_type(tokenizer("a text", "and another"), oxbert.BatchEncoding)
model(**tokenizer("a text"))
tokenizer(["a text", ("a text", "and another")], padding=True, truncation="only_second", return_tensors="pt")
tokenizer([["some", "words"], ["more"]], is_split_into_words=True)
tokenizer(b"bytes")  # refused
tokenizer("a text", padding="shortest")  # refused
tokenizer("a text", return_tensors="jax")  # refused
tokenizer("a text", return_lengths=True)  # refused
assert_type(tokenizer.encode("a text", max_length=3), list[int])
assert_type(tokenizer.encode("a text", return_tensors="pt"), torch.Tensor)
assert_type(tokenizer.encode("a text", return_tensors="np"), npt.NDArray[np.int64])
tokenizer.encode("a text", return_length=True)  # refused
assert_type(tokenizer.decode(ids[0]), str)
assert_type(tokenizer.convert_ids_to_tokens(3), str)
assert_type(tokenizer.convert_ids_to_tokens([3]), list[str])
assert_type(tokenizer.convert_tokens_to_ids("a"), int)
assert_type(tokenizer.convert_tokens_to_ids(["a"]), list[int])
tokenizer.add_tokens(["a", oxbert.AddedToken("b", single_word=True)])
tokenizer.padding_side = "left"
tokenizer.padding_side = "top"  # refused
tokenizer.vocab_size = 3  # refused
oxbert.Tokenizer.from_pretrained("folder")  # refused

head = oxbert.ElectraClassificationHead(electra)
assert_type(head(torch.ones(1, 1, 8), train=True), torch.Tensor)
assert_type(head([[[1.0]]]), Floats)
assert_type(oxbert.Activation("gelu")([1, 2.5]), Floats)
oxbert.save_weights({"a": torch.ones(1), "b": np.ones(1)}, "file.ot")
assert_type(oxbert.load_weights("file.ot", "torch"), dict[str, torch.Tensor])

vocabulary = oxbert.RemoteResource.from_pretrained(oxbert.ElectraVocabResources.BASE_GENERATOR, cache_dir="cache")
assert_type(oxbert.download_resource(vocabulary), pathlib.Path)
assert_type(oxbert.LocalResource("vocab.txt").get_local_path(), pathlib.Path)
oxbert.RemoteResource("https://host/file", "folder", "cache")  # refused
oxbert.download_resource("vocab.txt")  # refused
"""


@pytest.mark.slow
def test_mypy_reports_exactly_the_wrong_lines(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    program = tmp_path / "program.py"
    program.write_text(TYPED)
    # In a process of its own, because mypy raises the recursion limit and leaves it so.
    done = run([sys.executable, "-m", "mypy", "--no-error-summary", "--hide-error-context", program], cwd=ROOT)
    assert not done.stderr
    found = {int(line) for line in re.findall(r"program\.py:(\d+): error", done.stdout)}
    expected = {number for number, line in enumerate(TYPED.splitlines(), 1) if line.endswith(REFUSED)}
    assert found == expected, done.stdout


# Documentation.


def test_everything_has_a_docstring() -> None:
    for name in EXPORTED:
        thing = getattr(_native, name)
        assert thing.__doc__, name
        if isinstance(thing, type):
            assert thing.__module__ == "oxbert", name
            for member, value in vars(thing).items():
                if not member.startswith("_"):
                    assert value.__doc__, f"{name}.{member}"
    seen = set()
    for node in PUBLIC:
        for item in [node, *(items(node.name) if isinstance(node, ast.ClassDef) else [])]:
            if not isinstance(item, ast.ClassDef | ast.FunctionDef) or item.name.startswith("_"):
                continue
            where = node.name if item is node else f"{node.name}.{item.name}"
            if where in seen:
                # Only the first overload is documented.
                continue
            seen.add(where)
            text = ast.get_docstring(item)
            assert text, where
            assert text.splitlines()[0].endswith((".", "?")), where


def test_every_name_of_the_package_is_documented() -> None:
    assert set(MODULES) >= DOCUMENTED
    for module in map(importlib.import_module, MODULES):
        assert module.__doc__, module.__name__
        assert hasattr(module, "__all__") or module.__name__ not in DOCUMENTED, module.__name__
        for name in getattr(module, "__all__", []):
            thing = getattr(module, name)
            # On Python 3.10 list[int] is an instance of type too.
            if inspect.isroutine(thing) or (isinstance(thing, type) and not isinstance(thing, types.GenericAlias)):
                assert inspect.getdoc(thing), name
            if isinstance(thing, type) and thing.__module__ == module.__name__:
                for member in public(vars(thing)):
                    value = getattr(thing, member)
                    # Methods that outputs refuse share one function with another name.
                    if callable(value) and not value.__name__.startswith("_"):
                        assert inspect.getdoc(value), f"{name}.{member}"


@pytest.mark.parametrize("name", sorted(DOCUMENTED))
def test_annotations_can_be_resolved(name: str) -> None:
    module = importlib.import_module(name)
    for thing in (getattr(module, exported) for exported in module.__all__):
        members = inspect.getmembers(thing, inspect.isroutine) if isinstance(thing, type) else [("", thing)]
        for _, member in members:
            if inspect.isroutine(member) and (getattr(member, "__module__", None) or "").startswith("oxbert"):
                typing.get_type_hints(member)


def test_submodules_of_training_are_attributes() -> None:
    import oxbert.training

    for name in ("data", "optimizer", "presets", "schedule"):
        assert getattr(oxbert.training, name) is importlib.import_module(f"oxbert.training.{name}")


def test_names_in_older_pickles_are_found() -> None:
    import oxbert.training

    for module, name in [
        ("optimizer", "AdamWeightDecay"),
        ("schedule", "learning_rate"),
        ("presets", "PretrainingConfig"),
    ]:
        old = f"coxbert.training.{module}\n{name}\n.".encode()
        assert pickle.loads(old) is getattr(oxbert.training, name)


def test_aliases_are_the_classes_themselves() -> None:
    assert oxbert.ElectraDiscriminator is oxbert.ElectraForPreTraining
    assert oxbert.DistilBertModelMaskedLM is oxbert.DistilBertForMaskedLM
    assert oxbert.DistilBertModelClassifier is oxbert.DistilBertForSequenceClassification
    assert oxbert.DistilBertForSentenceEmbeddings is oxbert.DistilBertModel
    assert oxbert.ElectraTokenizerFast is oxbert.ElectraTokenizer
    assert oxbert.DistilBertTokenizerFast is oxbert.DistilBertTokenizer


def test_the_version_matches_the_crate() -> None:
    (version,) = re.findall(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[:1]
    assert oxbert.__version__ == version


def examples() -> list[doctest.DocTest]:
    parser, found = doctest.DocTestParser(), []
    for node in [TREE, *(node for node in ast.walk(TREE) if isinstance(node, ast.ClassDef | ast.FunctionDef))]:
        text = ast.get_docstring(node) if hasattr(node, "body") else None
        if text and ">>>" in text:
            name = getattr(node, "name", "_native")
            found.append(parser.get_doctest(text, {}, name, str(STUBS), getattr(node, "lineno", 0)))
    return found


@pytest.mark.parametrize("example", examples(), ids=lambda example: f"{example.name}-{example.lineno}")
def test_examples_of_the_stubs_run(example: doctest.DocTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    example.globs = {"oxbert": oxbert, "np": np, "torch": torch}
    lines: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=lines.append)
    assert not lines, "".join(lines)


def test_every_class_and_function_has_an_example() -> None:
    for node in PUBLIC:
        if node.name == "Model":
            # The base class has its examples in its methods and in the models.
            continue
        below = node.body if isinstance(node, ast.ClassDef) else []
        texts = [
            ast.get_docstring(item) or "" for item in [node, *below] if isinstance(item, ast.ClassDef | ast.FunctionDef)
        ]
        overloads = [other for other in PUBLIC if other.name == node.name]
        assert any(">>>" in text for text in texts) or len(overloads) > 1, node.name
