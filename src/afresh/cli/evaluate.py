"""`afresh evaluate`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from afresh.cli.terminal import AsJson, Config, DataFolder, err_console, say, say_json

if TYPE_CHECKING:
    from afresh.evaluation.off_policy import OffPolicy

NAME = "evaluate"


def run(
    file: Annotated[
        Path | None, typer.Argument(metavar="APP.py", help="The definition file.")
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(help="Events in the columns of `afresh import`, in any order."),
    ] = None,
    items: Annotated[Path | None, typer.Option(help="The catalogue, known from the start.")] = None,
    surface: Annotated[str, typer.Option(help="The surface that is asked.")] = "home",
    model: Annotated[
        str,
        typer.Option(
            help="Judge a trained ranker's order (`afresh models`), by its name, or promoted for "
            "the one in force; else the surface's own."
        ),
    ] = "",
    data: DataFolder = None,
    config: Config = None,
    protocol: Annotated[
        Literal["time", "last", "split"],
        typer.Option(
            help="Which events are asked for: time, the later ones, each before it is learned; "
            "last, each visitor's last; split, the rows that --test names."
        ),
    ] = "time",
    test: Annotated[
        str | None, typer.Option(metavar="COLUMN=VALUE", help="The rows that `split` asks for.")
    ] = None,
    warm_up: Annotated[
        float, typer.Option(min=0, max=1, help="`time`: the share of events known beforehand.")
    ] = 0.5,
    model_lag: Annotated[
        str,
        typer.Option(help="How far the index is behind: 0, 10m, 1h; frozen: it stays as it was."),
    ] = "0",
    context_lag: Annotated[
        str, typer.Option(help="How late the request knows what the visitor did: 0, 1m, 1h.")
    ] = "0",
    ties: Annotated[
        Literal["together", "in-order", "shuffled"],
        typer.Option(
            help="Events of one session at one moment: one question with several answers; or one "
            "by one, as the file has them or shuffled, the earlier ones known to the request."
        ),
    ] = "together",
    at: Annotated[str, typer.Option(help="Lengths of list to judge.")] = "1,5,10,20",
    target: Annotated[
        list[str] | None,
        typer.Option(help="A type of event to ask for; repeatable; else all that have a weight."),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="So many questions, drawn by the seed; else all.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 1,
    least: Annotated[
        int, typer.Option(min=0, help="Only where so many events of the session are known.")
    ] = 0,
    new_only: Annotated[
        bool, typer.Option("--new-only", help="Ask only for items new to the visitor.")
    ] = False,
    hide_session: Annotated[
        bool,
        typer.Option("--hide-session", help="Requests exclude what is in the session already."),
    ] = False,
    show_seen: Annotated[
        bool, typer.Option("--show-seen", help="Leave out the surface's filter of seen items.")
    ] = False,
    learn: Annotated[
        int, typer.Option(min=0, help="Events before the first question to learn weights from.")
    ] = 20_000,
    refit: Annotated[
        str, typer.Option(help="How old learned item vectors may get, where the surface has such.")
    ] = "1d",
    young: Annotated[str, typer.Option(help="Until when an item is young.")] = "1d",
    cold: Annotated[int, typer.Option(min=1, help="A visitor with fewer known items is cold.")] = 1,
    context: Annotated[
        list[str] | None,
        typer.Option(help="A field of the events that the request says too; repeatable."),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(help="A field of the catalogue or the events to look at apart; repeatable."),
    ] = None,
    freshness: Annotated[
        bool, typer.Option("--freshness", help="Hits against lag: ask again at twelve other lags.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write a page (.html) with everything on it.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Write every question's result (.parquet), to compare.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(help="What an earlier run saved: a paired test against it.")
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            help="Off-policy, instead of the rest: a file of probabilities, uniform, or a "
            "definition (.py) whose surface is asked at each choice, with --events."
        ),
    ] = None,
    logged: Annotated[
        Path | None, typer.Option(help="Off-policy: what another policy showed and what came.")
    ] = None,
    reward: Annotated[str, typer.Option(help="Off-policy: the column of the reward.")] = "reward",
    as_json: AsJson = False,
) -> None:
    """Measure how good the answers are, on events that happened.

    The events are folded in the order of time. Before each that is asked for, the surface is asked
    what a server would be asked at that moment, by the same code, and the event is looked for in
    the list. Off-policy: what another policy would have earned, by a log of which each choice's
    probability is known.

    Example: `afresh evaluate app.py --events events.parquet --sample 5000 --report report.html`

    Example: `afresh evaluate app.py --events all.parquet --warm-up 0.8 --model promoted`

    Example: `afresh evaluate --policy uniform --logged log.parquet`

    Example: `afresh evaluate --policy app.py --events events.parquet --logged log.parquet`
    """
    from afresh.errors import AfreshError

    for path in (events, items, compare, logged):
        if path is not None and not path.is_file():
            raise AfreshError(f"There is no file {path}", hint="Check the options.")
    if logged is not None or policy is not None:
        if policy is None or logged is None:
            raise typer.BadParameter("--policy and --logged go together.")
        asked = _Asked(
            events, items, surface, model, data, config, tuple(context or ()), sample, seed, learn,
            show_seen,
        )  # fmt: skip
        _off_policy(policy, logged, reward, asked, as_json)
        return
    if file is None or events is None:
        raise typer.BadParameter("Name a definition and --events, or --policy and --logged.")
    if (protocol == "split") != (test is not None):
        raise typer.BadParameter("--protocol split and --test go together.")

    from afresh.evaluation.run import evaluate
    from afresh.evaluation.wanted import Wanted
    from afresh.loading import load
    from afresh.promoted import FOLDER
    from afresh.settings import load_settings
    from afresh.watch.progress import bars

    wanted = Wanted(
        surface=surface, model=model, protocol=protocol, warm_up=warm_up,
        model_lag=None if model_lag == "frozen" else _span(model_lag), target=tuple(target or ()),
        context_lag=_span(context_lag), ties=ties, at=_lengths(at), sample=sample, seed=seed,
        least=least, targets="new" if new_only else "all", hide_session=hide_session,
        show_seen=show_seen, learn=learn, refit=_span(refit), young=_span(young), cold=cold,
        context=tuple(context or ()), by=tuple(by or ()),
    )  # fmt: skip
    app, models = load(file), load_settings(file, config, data=data).data / FOLDER
    console = err_console()
    with bars(console, shown=console.is_terminal) as progress:
        found = evaluate(
            app, events, wanted, items=items, test=test, freshness=freshness, save=save,
            against=compare, models=models, progress=progress,
        )  # fmt: skip
    if report is not None:
        from afresh.evaluation.report import page

        report.write_text(page(found), encoding="utf-8")
    if as_json:
        say_json(found)
        return
    from afresh.evaluation.terminal import lines

    for line in lines(found):
        say(line)
    if report is not None:
        say(f"\nreport: {report}")


def _span(text: str) -> int:
    """ms of "0" or of a length of time."""
    from afresh.errors import DefinitionError
    from afresh.features.durations import milliseconds

    try:
        return 0 if text == "0" else milliseconds(text)
    except DefinitionError as error:
        raise typer.BadParameter(f"{text!r} is not like 0, 30s, 10m, 1h or 1d.") from error


def _lengths(text: str) -> tuple[int, ...]:
    try:
        lengths = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not like 1,5,10,20.") from None
    if not lengths or lengths[0] < 1 or lengths[-1] > 1000:
        raise typer.BadParameter("Lengths of list are from 1 to 1000.")
    return lengths


class _Asked(NamedTuple):
    """What the options say of a surface whose policy is judged."""

    events: Path | None
    items: Path | None
    surface: str
    model: str
    data: Path | None
    config: Path | None
    context: tuple[str, ...]
    sample: int | None
    seed: int
    learn: int
    show_seen: bool


def _off_policy(policy: str, logged: Path, reward: str, asked: _Asked, as_json: bool) -> None:
    from afresh.evaluation.off_policy import estimated
    from afresh.evaluation.terminal import off_policy_lines

    if policy.endswith(".py"):
        found = _served(Path(policy), logged, reward, asked)
    else:
        found = estimated(policy, logged, reward=reward)
    if as_json:
        say_json(found)
        return
    for line in off_policy_lines(found):
        say(line)


def _served(file: Path, logged: Path, reward: str, asked: _Asked) -> OffPolicy:
    """The value of a definition's surface."""
    from afresh.evaluation.served import estimated_of
    from afresh.evaluation.wanted import Wanted
    from afresh.loading import load
    from afresh.promoted import FOLDER
    from afresh.settings import load_settings
    from afresh.watch.progress import bars

    if asked.events is None:
        raise typer.BadParameter(
            "A definition is asked as of each choice: name the events, too (--events)."
        )
    wanted = Wanted(
        surface=asked.surface, model=asked.model, context=asked.context, sample=asked.sample,
        seed=asked.seed, learn=asked.learn, show_seen=asked.show_seen,
    )  # fmt: skip
    app, models = load(file), load_settings(file, asked.config, data=asked.data).data / FOLDER
    console = err_console()
    with bars(console, shown=console.is_terminal) as progress:
        return estimated_of(
            app, asked.events, logged, wanted, said=str(file), items=asked.items, reward=reward,
            models=models, progress=progress,
        )  # fmt: skip
