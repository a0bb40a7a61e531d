"""Graphs: a model in the ONNX format, whatever made it, scored by ONNX Runtime.

It takes a matrix float32[n, columns] for any n and gives one number a row. It runs in the thread
that asks, on one core: a server's other threads are for other requests, and sums that are added up
in one order give the same bits each time, which is what a replay compares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Timer
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afresh.errors import CorruptData, MissingDependency
from afresh.rank.graph_file import check_whole

SCORE = "the model's score"
FLOATS = ("tensor(float)", "tensor(double)")
LONGEST_S = 2.0
"""Seconds after which a graph that scores one candidate is stopped, when it is read."""
QUIET = 4
"""ONNX Runtime's level of logging at which it leaves it to us to say what failed."""


@dataclass(frozen=True, slots=True)
class Graph:
    """session: of ONNX Runtime; takes and gives: the names of its input and its output; columns:
    int32[k], where each number of the input is found, None for in order. width: how many numbers a
    candidate it takes, None where it does not say. metadata: what whoever made it wrote down in it;
    producer: the library that made it, "" where it does not say."""

    session: Any
    takes: str
    gives: str
    width: int | None
    metadata: dict[str, str]
    producer: str
    columns: NDArray[np.int32] | None = None

    def __call__(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """The score of each row: float64[n] of x float32[n, columns].

        Raises CorruptData when it does not give one number a row.
        """
        read = x if self.columns is None else np.ascontiguousarray(x[:, self.columns])
        try:
            given = np.asarray(self.session.run([self.gives], {self.takes: read})[0])
        except Exception as error:  # of a class that ONNX Runtime does not export
            raise CorruptData(f"The graph fails on {len(x)} candidates: {_first(error)}") from error
        if given.shape not in ((len(x),), (len(x), 1)):
            raise CorruptData(
                f"The graph gives numbers of shape {list(given.shape)} for {len(x)} candidates.",
                hint="It has to give one number a candidate: float[n] or float[n, 1].",
            )
        return given.reshape(len(x)).astype(np.float64)

    def check_ends(self, x: NDArray[np.float32]) -> None:
        """Raises CorruptData when it takes longer than LONGEST_S: a graph may have loops, and who
        looks after models must not wait for one for ever."""
        options = onnxruntime().RunOptions()
        options.log_severity_level = QUIET
        timer = Timer(LONGEST_S, setattr, (options, "terminate", True))
        timer.daemon = True
        timer.start()
        try:
            self.session.run([self.gives], {self.takes: x}, options)
        except Exception as error:  # of a class that ONNX Runtime does not export
            if options.terminate:
                raise CorruptData(
                    f"The graph has not ended after {LONGEST_S:g} s.", hint="Look at its loops."
                ) from error
            raise CorruptData(f"The graph fails on {len(x)} candidates: {_first(error)}") from error
        finally:
            timer.cancel()

    def names(self, columns: Sequence[str]) -> tuple[str, ...]:
        """What `added` tells apart: nothing, as a graph does not say how it came to a score."""
        return (SCORE,)

    def added(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """The score itself: float64[n, 1]."""
        return self(x)[:, None]

    def over(self, columns: NDArray[np.int32]) -> Graph:
        """The same, where number f of the input is found in column columns[f]."""
        return replace(self, columns=columns)


def onnxruntime() -> Any:
    """The library. Raises MissingDependency."""
    try:
        import onnxruntime as library
    except ImportError as error:
        raise MissingDependency(
            "A model in the ONNX format needs ONNX Runtime, which is not installed.",
            hint='pip install "afresh[onnx]"',
        ) from error
    return library


def read_graph(data: bytes, width: int) -> Graph:
    """As `open_graph`, one that takes so many numbers a candidate."""
    graph = open_graph(data)
    if graph.width not in (None, width):
        raise CorruptData(
            f"The graph takes {graph.width} numbers a candidate, and {width} columns are named.",
            hint="Name its columns in the order in which it takes them.",
        )
    graph.check_ends(np.zeros((1, width), np.float32))
    return graph


def open_graph(data: bytes) -> Graph:
    """The graph of an ONNX file that takes one matrix and gives one number a row.

    Raises MissingDependency, and CorruptData for what is none, is not whole, or takes or gives
    something else.
    """
    ort = onnxruntime()
    check_whole(data)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.log_severity_level = QUIET
    try:
        session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of a class that ONNX Runtime does not export
        raise CorruptData(
            f"The model file cannot be read as ONNX: {_first(error)}",
            hint="Export it again, for operators that ONNX Runtime has.",
        ) from error
    meta = session.get_modelmeta()
    takes, width = _input(session.get_inputs())
    return Graph(
        session, takes, _output(session.get_outputs()), width, dict(meta.custom_metadata_map),
        meta.producer_name,
    )  # fmt: skip


def _input(inputs: Sequence[Any]) -> tuple[str, int | None]:
    """Its name, and how many numbers a candidate it takes, None where the graph does not say."""
    if len(inputs) == 1 and inputs[0].type == FLOATS[0] and len(inputs[0].shape) == 2:
        rows, width = inputs[0].shape
        if not isinstance(rows, int):
            return inputs[0].name, width if isinstance(width, int) else None
    said = ", ".join(f"{each.name} {each.type}{each.shape}" for each in inputs)
    raise CorruptData(
        f"The graph takes {said or 'nothing'}.",
        hint="It has to take one tensor(float)[n, columns], for any number n of candidates: export "
        "it with a first dimension that is dynamic.",
    )


def _output(outputs: Sequence[Any]) -> str:
    if len(outputs) == 1 and outputs[0].type in FLOATS:
        wide = [size for size in outputs[0].shape[1:] if isinstance(size, int) and size != 1]
        if not wide:  # as far as it says: the numbers that come are looked at
            return str(outputs[0].name)
    said = ", ".join(f"{each.name} {each.type}{each.shape}" for each in outputs)
    raise CorruptData(
        f"The graph gives {said or 'nothing'}.",
        hint="It has to give one number a candidate, tensor(float)[n] or [n, 1], and nothing else: "
        "export a ranker or a regressor, or cut the other outputs off.",
    )


def _first(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
