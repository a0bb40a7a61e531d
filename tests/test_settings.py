"""Where settings come from, which wins, and what a wrong one says."""

from __future__ import annotations

from pathlib import Path

import pytest

from afresh.errors import AfreshError
from afresh.settings import Settings, load_settings


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "afresh.toml").write_text('port = 9001\nadmission_horizon = "2h"\n')
    return tmp_path / "app.py"


def test_the_line_wins_over_the_environment_over_the_file(
    app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings(None).port == 8000
    assert load_settings(app).port == 9001
    monkeypatch.setenv("AFRESH_PORT", "9002")
    assert load_settings(app).port == 9002
    assert load_settings(app, port=9003).port == 9003
    assert load_settings(app, port=None).port == 9002
    assert load_settings(app).admission_horizon == 2 * 3_600_000


def test_durations_sizes_and_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFRESH_CORS_ORIGINS", "https://a.example, https://b.example")
    found = load_settings(max_body_bytes="2 MiB", request_timeout="1500ms", log_max_bytes="1GB")
    assert found.max_body_bytes == 2 * 2**20
    assert found.request_timeout == 1500
    assert found.log_max_bytes == 10**9
    assert found.cors_origins == ("https://a.example", "https://b.example")
    assert load_settings(keep_alive=5000).keep_alive == 5000


@pytest.mark.parametrize(
    ("given", "says", "hint"),
    [
        ({"prt": 1}, "prt", "Did you mean port?"),
        ({"port": 99_999}, "--port", "free one"),
        ({"admission_horizon": "2 weeks"}, "--admission-horizon", ""),
        ({"log_level": "loud"}, "--log-level", ""),
        ({"api_key": ""}, "empty", ""),
        ({"api_key_file": Path("/nowhere/key")}, "cannot be read", ""),
    ],
)
def test_a_wrong_value_says_where_and_what(given: dict[str, object], says: str, hint: str) -> None:
    with pytest.raises(AfreshError) as error:
        load_settings(**given)
    assert says in error.value.message
    assert hint in error.value.hint


@pytest.mark.parametrize(
    ("text", "says"), [("prot = 1", "'prot'"), ("port = ", "not TOML"), ("port = 'x'", "port")]
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "other.toml"
    file.write_text(text)
    with pytest.raises(AfreshError, match=r"other\.toml") as error:
        load_settings(None, file)
    assert says in error.value.message
    assert error.value.hint


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(AfreshError, match="cannot be read"):
        load_settings(None, tmp_path / "no.toml")


def test_a_mistyped_variable_is_an_error_and_a_foreign_one_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AFRESH_SOMETHING_ELSE_ENTIRELY", "1")
    load_settings()
    monkeypatch.setenv("AFRESH_PROT", "1")
    with pytest.raises(AfreshError) as error:
        load_settings()
    assert "AFRESH_PORT" in error.value.hint


def test_the_key_comes_from_the_setting_or_a_file_and_is_not_printed(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("hidden\n")
    assert Settings().key() is None
    assert Settings(api_key_file=file).key() == "hidden"
    given = Settings(api_key="hidden")  # type: ignore[arg-type]
    assert given.key() == "hidden"
    assert "hidden" not in repr(given)


def test_every_setting_is_documented() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith((".", "…")), name
