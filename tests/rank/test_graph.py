"""A graph is scored by ONNX Runtime as by hand, and what is no ranker is refused by name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from onnx import AttributeProto, ModelProto, TensorProto, helper, numpy_helper
from tests.rank.graphs import graph, linear

from afresh.errors import AfreshError, CorruptData, MissingDependency
from afresh.rank import graph as module
from afresh.rank.graph import SCORE, open_graph, read_graph
from afresh.rank.graph_file import DEEPEST, check_whole


def rows(n: int, width: int = 3) -> np.ndarray:
    return np.random.default_rng(n).normal(0, 3, (n, width)).astype(np.float32)


def test_it_scores_lists_of_any_length_as_by_hand() -> None:
    weights = np.array([1.0, -2.0, 0.5], np.float32)
    made = read_graph(linear(weights.tolist()), 3)
    for n in (1, 2, 100):
        x = rows(n)
        x[0, 1] = np.nan
        scores = made(x)
        assert scores.dtype == np.float64
        assert scores == pytest.approx((np.nan_to_num(x) @ weights).tolist(), rel=1e-5, abs=1e-5)
        assert np.array_equal(scores, made(x))
        assert made.names(["a", "b", "c"]) == (SCORE,)
        assert np.array_equal(made.added(x), scores[:, None])


def test_it_reads_the_columns_that_it_is_told_to() -> None:
    made, x = read_graph(linear([1, 10, 100]), 3), rows(5, 6)
    assert np.array_equal(made.over(np.array([5, 0, 3], np.int32))(x), made(x[:, [5, 0, 3]]))


def test_it_runs_on_one_core_and_says_who_made_it() -> None:
    made = open_graph(linear([1, 2], columns=["a", "b"]))
    options = made.session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert made.session.get_providers() == ["CPUExecutionProvider"]
    assert (made.width, made.producer) == (2, "by hand")
    assert made.metadata == {"columns": '["a", "b"]'}


def _sum(axis: int, keep: int) -> list:
    return [helper.make_node("ReduceSum", ["x", "axis"], ["y"], keepdims=keep)]


AXIS = {"axis": np.array([1])}


def test_one_number_a_row_may_stand_in_a_column_or_not() -> None:
    x = rows(7)
    for keep, gives in ((0, ("n",)), (1, ("n", 1)), (1, ("n", "k")), (0, ("k",))):
        made = graph(_sum(1, keep), AXIS, gives=gives).SerializeToString()
        assert read_graph(made, 3)(x) == pytest.approx(x.sum(1).tolist(), abs=1e-4)


def _two_inputs() -> ModelProto:
    made = graph([helper.make_node("Add", ["x", "z"], ["y"])], {}, gives=("n", 3))
    made.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, ("n", 3)))
    return made


def _two_outputs() -> ModelProto:
    made = graph([*_sum(1, 1), helper.make_node("Neg", ["y"], ["z"])], AXIS)
    made.graph.output.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, ("n", 1)))
    return made


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: graph(_sum(1, 1), AXIS, takes=("n", 4)), "takes 4 numbers a candidate, and 3"),
        (lambda: graph(_sum(1, 1), AXIS, takes=(100, 3)), r"takes x tensor\(float\)\[100, 3\]"),
        (lambda: graph(_sum(1, 1), AXIS, takes=("n", 3, 1), gives=("n", 1, 1)), "takes x"),
        (lambda: graph(_sum(1, 1), AXIS, kind=TensorProto.DOUBLE, out=TensorProto.DOUBLE),
         r"takes x tensor\(double\)"),
        (_two_inputs, "takes x .*, z "),
        (lambda: graph([helper.make_node("Identity", ["x"], ["y"])], {}, gives=("n", 3)),
         r"gives y tensor\(float\)\['n', 3\]"),
        (lambda: graph([helper.make_node("ArgMax", ["x"], ["y"], axis=1)], {}, out=7),
         r"gives y tensor\(int64\)"),
        (_two_outputs, "gives y .*, z "),
        (lambda: graph([helper.make_node("Nothing", ["x"], ["y"])], {}), "cannot be read as ONNX"),
    ],
)  # fmt: skip
def test_what_takes_or_gives_something_else_is_refused(
    made: Callable[[], ModelProto], says: str
) -> None:
    with pytest.raises(CorruptData, match=says):
        read_graph(made().SerializeToString(), 3)


def test_a_shape_that_it_keeps_to_itself_shows_when_it_runs() -> None:
    constants = {"shape": np.array([-1]), "pad": np.array([0, 1]), "zero": np.zeros(1, np.float32)}
    nodes = [
        helper.make_node("Reshape", ["x", "shape"], ["flat"]),
        helper.make_node("Identity", ["flat"], ["y"]),
    ]
    made = read_graph(graph(nodes, constants, gives=("m",)).SerializeToString(), 3)
    with pytest.raises(CorruptData, match=r"shape \[15\] for 5 candidates"):
        made(rows(5))
    fixed = {"shape": np.array([100])}
    nodes = [
        helper.make_node("ReduceSum", ["x", "axis"], ["sum"]),
        helper.make_node("Reshape", ["sum", "shape"], ["y"]),
    ]
    data = graph(nodes, fixed | AXIS, gives=("m",)).SerializeToString()
    made = open_graph(data)
    assert len(made(rows(100))) == 100
    with pytest.raises(CorruptData, match="fails on 7 candidates"):
        made(rows(7))
    with pytest.raises(CorruptData, match="fails on 1 candidates"):
        read_graph(data, 3)


def test_a_graph_that_does_not_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_S", 0.2)
    boolean, whole = TensorProto.BOOL, TensorProto.INT64
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["on"]),
            helper.make_node("Mul", ["held", "held"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("round", whole, []),
            helper.make_tensor_value_info("go", boolean, []),
            helper.make_tensor_value_info("held", TensorProto.FLOAT, ["n", 1]),
        ],
        [
            helper.make_tensor_value_info("on", boolean, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, ["n", 1]),
        ],
    )
    nodes = [
        helper.make_node("ReduceSum", ["x", "axis"], ["sum"], keepdims=1),
        helper.make_node("Loop", ["most", "true", "sum"], ["y"], body=body),
    ]
    for most, says in ((3, None), (2**62, "has not ended after 0.2 s")):
        data = graph(nodes, {**AXIS, "most": np.array(most), "true": np.array(True)})
        if says is None:
            assert read_graph(data.SerializeToString(), 3)(rows(2)).shape == (2,)
        else:
            with pytest.raises(CorruptData, match=says):
                read_graph(data.SerializeToString(), 3)


def _outside(tensor: TensorProto) -> None:
    """Say that a tensor's numbers lie in another file."""
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/hostname")


def _in_weights() -> ModelProto:
    made = ModelProto.FromString(linear([1, 2, 3]))
    _outside(made.graph.initializer[0])
    return made


def _constant() -> AttributeProto:
    held = numpy_helper.from_array(np.ones(3, np.float32), "held")
    _outside(held)
    return helper.make_attribute("value", held)


def _in_a_constant() -> ModelProto:
    made = ModelProto.FromString(linear([1, 2, 3]))
    node = helper.make_node("Constant", [], ["c"])
    node.attribute.append(_constant())
    made.graph.node.insert(0, node)
    return made


def _in_a_branch() -> ModelProto:
    made = ModelProto.FromString(linear([1, 2, 3]))
    node = helper.make_node("Constant", [], ["c"])
    node.attribute.append(_constant())
    branch = helper.make_graph([node], "branch", [], [])
    made.graph.node.append(helper.make_node("If", ["x"], ["z"], then_branch=branch))
    return made


def _in_a_function() -> ModelProto:
    made = ModelProto.FromString(linear([1, 2, 3]))
    node = helper.make_node("Constant", [], ["c"])
    node.attribute.append(_constant())
    made.functions.append(
        helper.make_function("own", "f", [], ["c"], [node], [helper.make_opsetid("", 17)])
    )
    return made


def _in_a_sparse_one() -> ModelProto:
    made = ModelProto.FromString(linear([1, 2, 3]))
    sparse = made.graph.sparse_initializer.add()
    sparse.values.CopyFrom(_constant().t)
    return made


@pytest.mark.parametrize(
    "made", [_in_weights, _in_a_constant, _in_a_branch, _in_a_function, _in_a_sparse_one]
)
def test_no_file_is_opened_that_a_model_names(made: Callable[[], ModelProto]) -> None:
    check_whole(linear([1, 2, 3]))
    with pytest.raises(CorruptData, match="numbers lie in another file"):
        read_graph(made().SerializeToString(), 3)


def test_no_file_however_damaged_breaks_more_than_its_reading() -> None:
    whole = linear([1, 2, 3])
    rng = np.random.default_rng(0)
    for _ in range(300):
        bad = bytearray(whole)
        for at in rng.integers(0, len(bad), int(rng.integers(1, 6))).tolist():
            bad[at] = int(rng.integers(256))
        data = bytes(bad[: int(rng.integers(len(bad)))] if rng.random() < 0.3 else bad)
        with suppress(AfreshError):
            check_whole(data)
    deep = b""
    for _ in range(2 * DEEPEST):  # graphs in nodes in graphs
        deep = b"\x32" + _size(len(deep)) + deep
        deep = b"\x2a" + _size(len(deep)) + deep
        deep = b"\x0a" + _size(len(deep)) + deep
    with pytest.raises(CorruptData, match="no ONNX file"):
        check_whole(b"\x3a" + _size(len(deep)) + deep)
    for data in (b"no model", b"\x08", b"\x3a\x7f", b""):
        with pytest.raises(CorruptData):
            read_graph(data, 3)


def _size(n: int) -> bytes:
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes([*out, n])


def test_without_the_library_it_says_which_extra_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependency, match=r"afresh\[onnx\]"):
        read_graph(linear([1, 2, 3]), 3)
