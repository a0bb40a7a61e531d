"""Progress of long work in the terminal: a bar a stage, with rate and time left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from afresh.recovery import Progress as Report
from afresh.recovery import silent

SAID = {
    "items": "Items",
    "ids": "Ids in the log",
    "events": "Events",
    "fold": "Folding the log",
    "export": "Export",
    "outcomes": "Outcomes in the log",
    "questions": "Asking again",
    "trees": "Trees",
}


class _Rate(ProgressColumn):
    """How many of how many, how many a second, the time left."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        text = f"{int(task.completed):>11,} of {int(task.total or 0):,}"
        if speed:
            text += f"  {speed:>9,.0f}/s"
        if task.finished and task.elapsed is not None:
            text += f"  in {task.elapsed:.1f} s"
        elif task.time_remaining is not None:
            text += f"  {task.time_remaining:.0f} s left"
        return Text(text, style="dim")


@contextmanager
def bars(console: Console, *, shown: bool = True) -> Iterator[Report]:
    """A progress(stage, done, total) that draws; nothing is drawn unless it is `shown`."""
    if not shown:
        yield silent
        return
    columns = (TextColumn("{task.description:<16}"), BarColumn(bar_width=28), _Rate())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console) as progress:

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(SAID.get(stage, stage.capitalize()))
            progress.update(tasks[stage], completed=done, total=max(total, done, 1))

        yield report
