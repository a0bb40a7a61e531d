"""Filter expressions: from text to a tree. Nothing is ever executed as Python.

    or       a or b
    and      a and b
    not      not a
    compare  a == b   !=  <  <=  >  >=   a in [1, 2]   a not in [...]   a is null   a is not null
    sum      a + b    a - b
    product  a * b    a / b
    unary    -a
    atom     12.5   "text"   'text'   true   false   field   context.name   f(a, b)   (a)

Each line binds tighter than the one above. Columns count characters from 1.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

MAX_LENGTH = 2000
"""Characters of an expression."""
MAX_DEPTH = 64
"""Levels of its tree, so that walking it needs no deep recursion."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?)
    |(?P<text>"[^"\\]*(?:\\.[^"\\]*)*"|'[^'\\]*(?:\\.[^'\\]*)*')
    |(?P<sign>==|!=|<=|>=|[-+*/<>()\[\],]))""",
    re.VERBOSE | re.DOTALL,
)
_WORDS = {word: word for word in ("and", "or", "not", "in", "is", "null", "true", "false")}
_WORDS |= {"True": "true", "False": "false", "None": "null"}  # as Python and a person write them
_COMPARE = ("==", "!=", "<", "<=", ">", ">=")
_INSTEAD = {"=": "==", "&": "and", "|": "or", "!": "not", "{": "[", "%": "+ - * /"}


class ExpressionError(Exception):
    """An expression is wrong at a column."""

    def __init__(self, at: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.at, self.message, self.hint = at, message, hint


@dataclass(frozen=True, slots=True)
class Node:
    """What stands at column `at`.

    kind: number, text, flag (their `value`), name, list, or an operator, or call (`value` is
    the function's name); `parts` are its operands.
    """

    kind: str
    at: int
    value: float | str | bool = ""
    parts: tuple[Node, ...] = ()
    depth: int = 1


def parse(text: str) -> Node:
    """The tree of an expression. Raises ExpressionError."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(MAX_LENGTH, f"it is longer than {MAX_LENGTH:,} characters")
    reader = _Reader(_tokens(text))
    tree = _or(reader, 0)
    kind, value, at = reader.next()
    if kind != "end":
        raise ExpressionError(at, f"{value!r} is not expected here", "Join parts with and, or.")
    return tree


def _tokens(text: str) -> list[tuple[str, str, int]]:
    """(kind, text, column) of each token, and one for the end."""
    out, at, end = [], 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            if text[at] in "\"'":
                raise ExpressionError(at + 1, "the text has no end", f"Close it with {text[at]}.")
            instead = _INSTEAD.get(text[at])
            hint = f"Write {instead}." if instead else ""
            raise ExpressionError(at + 1, f"{text[at]!r} means nothing here", hint)
        kind = str(found.lastgroup)
        word = found[kind]
        if kind == "name" and word in _WORDS:
            kind, word = "sign", _WORDS[word]
        out.append((kind, word, found.start(found.lastgroup or 0) + 1))
        at = found.end()
    return [*out, ("end", "the end", end + 1)]


class _Reader:
    """Tokens, one after another."""

    def __init__(self, tokens: list[tuple[str, str, int]]) -> None:
        self.tokens, self.position = tokens, 0

    def next(self) -> tuple[str, str, int]:
        token = self.tokens[self.position]
        self.position += token[0] != "end"
        return token

    def take(self, *signs: str) -> tuple[str, int] | None:
        """The next token and its column, if it is one of these signs."""
        kind, value, at = self.tokens[self.position]
        if kind != "sign" or value not in signs:
            return None
        self.position += 1
        return value, at

    def need(self, sign: str) -> None:
        if self.take(sign) is None:
            _, value, at = self.next()
            raise ExpressionError(at, f"{sign!r} is expected, not {value!r}")


def _node(kind: str, at: int, *parts: Node, value: str = "") -> Node:
    depth = 1 + max((part.depth for part in parts), default=0)
    if depth > MAX_DEPTH:
        raise ExpressionError(at, f"it is nested deeper than {MAX_DEPTH} levels")
    return Node(kind, at, value, parts, depth)


def _or(reader: _Reader, level: int) -> Node:
    if level > MAX_DEPTH:
        raise ExpressionError(reader.next()[2], f"it is nested deeper than {MAX_DEPTH} levels")
    parts = [_and(reader, level)]
    at = parts[0].at
    while reader.take("or"):
        parts.append(_and(reader, level))
    return parts[0] if len(parts) == 1 else _node("or", at, *parts)


def _and(reader: _Reader, level: int) -> Node:
    parts = [_not(reader, level)]
    at = parts[0].at
    while reader.take("and"):
        parts.append(_not(reader, level))
    return parts[0] if len(parts) == 1 else _node("and", at, *parts)


def _not(reader: _Reader, level: int) -> Node:
    found = reader.take("not")
    if found is None:
        return _compare(reader, level)
    if level > MAX_DEPTH:
        raise ExpressionError(found[1], f"it is nested deeper than {MAX_DEPTH} levels")
    return _node("not", found[1], _not(reader, level + 1))


def _compare(reader: _Reader, level: int) -> Node:
    left = _sum(reader, level)
    found = reader.take(*_COMPARE, "in", "not", "is")
    if found is None:
        return left
    sign, at = found
    if sign == "is":
        sign = "is not null" if reader.take("not") else "is null"
        reader.need("null")
        made = _node(sign, at, left)
    elif sign in _COMPARE:
        made = _node(sign, at, left, _sum(reader, level))
    else:
        if sign == "not":
            reader.need("in")
            sign = "not in"
        reader.need("[")
        made = _node(sign, at, left, _listed(reader, level, at, "]"))
    again = reader.take(*_COMPARE, "in", "is")
    if again:
        hint = "Write a < b and b < c."
        raise ExpressionError(again[1], "comparisons do not chain", hint)
    return made


def _listed(reader: _Reader, level: int, at: int, end: str) -> Node:
    """Expressions with commas between them, up to the closing sign."""
    parts: list[Node] = []
    while not reader.take(end):
        if parts:
            reader.need(",")
            if reader.take(end):
                break
        parts.append(_or(reader, level + 1))
    return _node("list", at, *parts)


def _sum(reader: _Reader, level: int) -> Node:
    left = _product(reader, level)
    while found := reader.take("+", "-"):
        left = _node(found[0], found[1], left, _product(reader, level))
    return left


def _product(reader: _Reader, level: int) -> Node:
    left = _unary(reader, level)
    while found := reader.take("*", "/"):
        left = _node(found[0], found[1], left, _unary(reader, level))
    return left


def _unary(reader: _Reader, level: int) -> Node:
    found = reader.take("-")
    if found is None:
        return _atom(reader, level)
    if level > MAX_DEPTH:
        raise ExpressionError(found[1], f"it is nested deeper than {MAX_DEPTH} levels")
    return _node("negative", found[1], _unary(reader, level + 1))


def _atom(reader: _Reader, level: int) -> Node:
    kind, value, at = reader.next()
    if kind == "number":
        number = float(value)
        if not math.isfinite(number):
            raise ExpressionError(at, "the number is too large")
        return Node("number", at, number)
    if kind == "text":
        return Node("text", at, re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL))
    if kind == "sign" and value in ("true", "false"):
        return Node("flag", at, value == "true")
    if kind == "sign" and value == "(":
        made = _or(reader, level + 1)
        reader.need(")")
        return made
    if kind == "name":
        if reader.take("("):
            return _node("call", at, *_listed(reader, level, at, ")").parts, value=value)
        return Node("name", at, value)
    hint = "Test for null with `x is null`." if value == "null" else ""
    raise ExpressionError(at, f"a value is expected, not {value!r}", hint)
