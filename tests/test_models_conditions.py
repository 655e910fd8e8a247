"""Conditions become the network's arguments, one for all points or one for each."""

import pytest
import torch

from plaplace.models import Embeddings, Labels, Prompts, Unconditioned
from plaplace.models.conditions import Prepared
from tests.counting import Encoder, counting
from tests.small_networks import generator

LABELS = Labels(5, null=5)
WHOLE = "accepted are whole numbers, one or one a point"


def prepared(conditions, given):
    inputs = conditions.prepare(given)
    return inputs.count, {name: value.tolist() for name, value in inputs.inputs.items()}


# --- labels


@pytest.mark.parametrize(
    ("given", "labels"),
    [
        (3, [3]),
        (torch.tensor(3), [3]),
        ([0, 4], [0, 4]),
        ((1,), [1]),
        (torch.tensor([2, 2, 1], dtype=torch.int32), [2, 2, 1]),
        (torch.tensor([2], dtype=torch.uint8).numpy(), [2]),
        (5, [5]),  # the null label by its number
        (None, [5]),
    ],
)
def test_labels_are_whole_numbers_one_or_one_a_point(given, labels):
    assert prepared(LABELS, given) == (len(labels), {"class_labels": labels})
    assert LABELS.prepare(given).inputs["class_labels"].dtype == torch.int64


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (6, "label 6 was given; accepted are labels from 0 to 4"),
        (-1, "label -1 was given; accepted are labels from 0 to 4"),
        ([0, 1, 9], "label 9 was given"),
        (2.0, WHOLE),
        ([1.0, 2.0], WHOLE),
        (True, WHOLE),
        ([True, False], WHOLE),
        ([], WHOLE),
        ([[1, 2]], WHOLE),
        ("cat", r"condition = 'cat' was given; " + WHOLE),
        ([1, None], WHOLE),
        (1j, WHOLE),
        (2**70, WHOLE),
        ({}, WHOLE),
    ],
)
def test_other_labels_are_refused(given, says):
    with pytest.raises(ValueError, match=says):
        LABELS.prepare(given)


def test_without_a_null_label_there_is_no_unconditional_branch():
    with pytest.raises(ValueError, match="no unconditional branch: accepted are labels from 0 to 4"):
        Labels(5).prepare(None)
    with pytest.raises(ValueError, match="label 5 was given"):
        Labels(5).prepare(5)
    with pytest.raises(ValueError, match="label -1 was given"):
        Labels(5).prepare(-1)


# --- embeddings


def test_embeddings_are_tensors_of_their_shape():
    one, many = torch.arange(6.0).reshape(2, 3), torch.arange(24.0).reshape(4, 2, 3)
    conditions = Embeddings((2, 3), null=-one, name="tokens")
    assert prepared(conditions, one) == (1, {"tokens": one[None].tolist()})
    assert prepared(conditions, many) == (4, {"tokens": many.tolist()})
    assert prepared(conditions, None) == (1, {"tokens": (-one[None]).tolist()})
    assert prepared(Embeddings(()), torch.tensor([1.0, 2.0])) == (2, {"condition": [1.0, 2.0]})


@pytest.mark.parametrize("given", [torch.ones(2, 2), torch.ones(3), torch.ones(4, 5, 2, 3), [[1.0]], "cat", 3])
def test_other_embeddings_are_refused(given):
    with pytest.raises(ValueError, match=r"was given; accepted is a tensor \(2, 3\) or \(B, 2, 3\)"):
        Embeddings((2, 3)).prepare(given)


def test_without_a_null_embedding_there_is_no_unconditional_branch():
    with pytest.raises(ValueError, match="the model has no unconditional branch"):
        Embeddings((2,)).prepare(None)


def test_an_unconditional_model_takes_none():
    assert prepared(Unconditioned(), None) == (1, {})
    with pytest.raises(ValueError, match="condition = 3 was given; the model is unconditional, accepted is None"):
        Unconditioned().prepare(3)


# --- prompts


def test_each_text_goes_through_the_encoder_once():
    encoder = Encoder()
    prompts = Prompts(encoder, null="?")
    assert prepared(prompts, "four") == (1, {"tokens": [[4, 1]], "pooled": [4]})
    assert prepared(prompts, ["ab", "four", "ab"]) == (3, {"tokens": [[2, 1], [4, 1], [2, 1]], "pooled": [2, 4, 2]})
    assert prepared(prompts, None) == (1, {"tokens": [[1, 1]], "pooled": [1]})
    assert prepared(prompts, ("?", "ab")) == (2, {"tokens": [[1, 1], [2, 1]], "pooled": [1, 2]})
    assert encoder.asked == ["four", "ab", "?"]


def test_texts_are_remembered_up_to_a_number():
    encoder = Encoder()
    prompts = Prompts(encoder)
    texts = ["x" * i for i in range(1, 257)]
    for text in texts:
        prompts.prepare(text)
    # the oldest is about to be forgotten, and asked for beside a new one
    assert prepared(prompts, ["x", "y" * 300]) == (2, {"tokens": [[1, 1], [300, 1]], "pooled": [1, 300]})
    assert len(encoder.asked) == 257 and len(prompts._known) == 256
    many = ["z" * i for i in range(1, 400)]
    assert prompts.prepare(many).inputs["pooled"].tolist() == list(range(1, 400))
    assert len(prompts._known) == 256
    assert len(encoder.asked) == 257 + 399


@pytest.mark.parametrize("given", [3, [], ["a", 3], ["a", None], b"bytes", 1.5, iter("ab")])
def test_what_is_no_text_is_refused(given):
    with pytest.raises(ValueError, match="was given; accepted is a text, a list with one a point, or embeddings"):
        Prompts(Encoder()).prepare(given)


def test_no_graph_is_kept_of_the_encoder():
    weight = torch.ones(1, 2, requires_grad=True)
    assert not Prompts(lambda texts: {"tokens": 2 * weight}).prepare("a").inputs["tokens"].requires_grad


@pytest.mark.parametrize("conditions", [LABELS, Embeddings((2,)), Prompts(Encoder()), Unconditioned()])
def test_what_is_prepared_comes_back_as_it_is(conditions):
    ready = Prepared({"tokens": torch.ones(3, 2)}, 3)
    assert conditions.prepare(ready) is ready


def test_embeddings_in_place_of_texts():
    conditions = Prompts(Encoder())
    own = conditions.prepare(["a", "bcd"])
    again = conditions.prepare(dict(own.inputs))
    assert again.count == 2
    assert all(torch.equal(again.inputs[name], own.inputs[name]) for name in own.inputs)
    for wrong in ({"tokens": own.inputs["tokens"]}, {**own.inputs, "pooled": own.inputs["pooled"][:1]}, {"a": 1}, {}):
        with pytest.raises(ValueError, match=r"embeddings .* were given; accepted are \{'tokens': \(2,\)"):
            conditions.prepare(wrong)


# --- rows of a batch


def test_one_condition_is_for_all_rows_and_several_for_a_row_each():
    one, three = Prepared({"a": torch.tensor([7])}, 1), Prepared({"a": torch.tensor([7, 8, 9])}, 3)
    assert one.rows(4)["a"].tolist() == [7, 7, 7, 7]
    assert three.rows(3)["a"].tolist() == [7, 8, 9]
    assert one.part(slice(2, 4)) is one
    assert three.part(slice(1, 3)).count == 2
    assert three.part(slice(1, 3)).rows(2)["a"].tolist() == [8, 9]
    with pytest.raises(ValueError, match="3 conditions were given for 4 points; accepted is one, or one a point"):
        three.rows(4)
    with pytest.raises(ValueError, match="3 conditions were given for 1 points"):
        three.rows(1)


@pytest.mark.parametrize("memory", [None, 1, 200, 10_000])
def test_one_condition_a_point_whatever_the_batches(memory):
    model, network = counting(memory)
    x = torch.randn(7, 3, generator=generator(0), dtype=torch.float64)
    labels = [0, 1, 2, 3, 4, 0, 2]
    want = -(1 + torch.tensor(labels))[:, None] * x / 2
    torch.testing.assert_close(model.score(x, 1.0, labels), want, rtol=1e-14, atol=0)
    torch.testing.assert_close(model.score(x, 1.0, 3), -4 * x / 2, rtol=1e-14, atol=0)
    assert memory != 1 or set(network.batches) <= {1, 2}  # 2: how much a point takes is measured on two
    with pytest.raises(ValueError, match="2 conditions were given for 7 points"):
        model.score(x, 1.0, [1, 2])
