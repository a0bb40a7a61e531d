"""Small ONNX graphs, made by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
Shape = Sequence[int | str]


def graph(
    nodes: Sequence[NodeProto], constants: dict[str, np.ndarray], *, takes: Shape = ("n", 3),
    gives: Shape = ("n", 1), columns: Sequence[str] | None = None, kind: int = FLOAT,
    out: int = FLOAT,
) -> ModelProto:  # fmt: skip
    """From `x` to `y`. columns: what its metadata says that it reads."""
    made = helper.make_model(
        helper.make_graph(
            nodes, "made by hand",
            [helper.make_tensor_value_info("x", kind, takes)],
            [helper.make_tensor_value_info("y", out, gives)],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", 17)], ir_version=9, producer_name="by hand",
    )  # fmt: skip
    if columns is not None:
        helper.set_model_props(made, {"columns": json.dumps(columns)})
    return made


def linear(
    weights: Sequence[float], *, missing: bool = True, columns: Sequence[str] | None = None
) -> bytes:
    """x · weights. missing: whether it counts NaN as zero; else it is NaN."""
    nodes = [
        helper.make_node("IsNaN", ["x"], ["gone"]),
        helper.make_node("Where", ["gone", "zero", "x"], ["there"]),
    ]
    nodes = nodes if missing else []
    nodes.append(helper.make_node("MatMul", ["there" if missing else "x", "w"], ["y"]))
    constants = {"w": np.array(weights, np.float32)[:, None], "zero": np.zeros(1, np.float32)}
    made = graph(nodes, constants, takes=("n", len(weights)), columns=columns)
    return made.SerializeToString()
