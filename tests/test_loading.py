"""Definition files: what is wrong is said with file, line and what to write instead."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import pytest

from afresh.errors import DefinitionError
from afresh.loading import check, load


def write(tmp_path: Path, text: str, name: str = "app.py") -> Path:
    path = tmp_path / name
    path.write_text(dedent(text), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("body", "line", "message", "hint"),
    [
        ("x = slidng('1h')", 2, "NameError: name 'slidng' is not defined", "Did you mean sliding?"),
        ("y = 1\nx = = 2", 3, "invalid syntax", "x = = 2"),
        ("from afresh import slidng", 2, "ImportError", "Did you mean sliding?"),
        ("import afres", 2, "ModuleNotFoundError", "pip install afres"),
        ("App('x').evnt('view')", 2, "AttributeError", "Did you mean event?"),
        ("y = 1\nsliding('1h', hopp=2)", 3, "TypeError: sliding() got an unexpected", ""),
        ("raise SystemExit(1)", 2, "ends the program", "__main__"),
        ("y = 1", 1, "defines no App", "app = App("),
        ("a = App('a')\nb = App('b')", 3, "several Apps: 'a' and 'b'", "one App a file"),
        ("app = App('a')", 2, "declares no events", "app.event"),
    ],
)
def test_a_file_that_does_not_run(
    tmp_path: Path, body: str, line: int, message: str, hint: str
) -> None:
    imports = "from afresh import App, last, tumbling" + (", sliding" if "hopp" in body else "")
    path = write(tmp_path, f"{imports}\n{body}\n")
    (problem,) = check(path)
    assert (problem.file, problem.line) == (str(path), line)
    assert message in problem.message
    assert hint in problem.hint


def test_a_mistake_in_a_file_beside_it_is_placed_there(tmp_path: Path) -> None:
    other = write(tmp_path, "x = 1\ny = x.z\n", "beside_it.py")
    path = write(tmp_path, "import beside_it\n")
    try:
        with pytest.raises(DefinitionError) as caught:
            load(path)
    finally:
        sys.modules.pop("beside_it", None)
    assert (caught.value.file, caught.value.line) == (str(other), 2)


def test_a_missing_file_suggests_its_neighbour(tmp_path: Path) -> None:
    write(tmp_path, "", "shop.py")
    ((file, line, message, hint),) = [
        (p.file, p.line, p.message, p.hint) for p in check(tmp_path / "shp.py")
    ]
    assert (file, line) == ("", 0)
    assert "There is no file" in message
    assert hint == "Did you mean shop.py?"


def test_not_text(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    path.write_bytes(b"\xff\xfe\x00\x01")
    (problem,) = check(path)
    assert problem.file == str(path)


def test_loading_again_reads_the_file_again_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = write(tmp_path, "from afresh import App\napp = App('one')\napp.event('a')\n")
    one = load(path)
    write(tmp_path, "from afresh import App\napp = App('two')\napp.event('b')\n")
    two = load(path)
    assert [app.plan().app for app in (one, two)] == ["one", "two"]
    assert [p.name for p in tmp_path.iterdir()] == ["app.py"]
    assert str(tmp_path) not in sys.path


def test_future_annotations_change_nothing(tmp_path: Path) -> None:
    text = """from afresh import App, Catalog
    app = App("test")
    app.event("view")
    class Products(Catalog):
        title: str
        tags: list[str]
        pages: int | None = 3
    """
    one = load(write(tmp_path, "    " + text, "one.py")).plan()
    two = load(
        write(tmp_path, "    from __future__ import annotations\n    " + text, "two.py")
    ).plan()
    assert len(one.catalog.fields) == 3
    assert one == two
