"""Progress in the terminal: a bar a stage, with how many, how fast and how long still."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

SAID = {
    "compile": "Compiling (once)",
    "kernels": "Getting ready",
    "items": "Products",
    "ids": "Known lines",
    "events": "Shopping events",
    "fold": "Folding",
}
"""The stages of a start, in words."""


class Rate(ProgressColumn):
    """How many of how many, a second, and the time left; one step has its time only."""

    def render(self, task: Task) -> Text:
        done, total = int(task.completed), int(task.total or 0)
        if total <= 1:
            return Text(f"{task.elapsed or 0:.1f} s", style="dim")
        speed = task.finished_speed or task.speed
        text = f"{done:>9,} of {total:,}"
        if speed and speed >= 1:
            text += f"  {speed:>9,.0f}/s"
        if task.finished and task.elapsed is not None:
            text += f"  in {task.elapsed:.1f} s"
        elif task.time_remaining is not None:
            text += f"  {task.time_remaining:.0f} s left"
        return Text(text, style="dim", no_wrap=True)


class Bars:
    """Called as an import's progress(stage, done, total)."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("  {task.description:<16}"),
            BarColumn(
                min(max(console.width - 68, 6), 40), complete_style="green", finished_style="green"
            ),
            Rate(),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Leave the bars as they are; nothing is drawn afterwards."""
        self._progress.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage not in self._tasks:
            said = SAID.get(stage, stage.capitalize())
            self._tasks[stage] = self._progress.add_task(said, total=None)
        shown = total if total > 1 or done else None  # one step of unknown length: a moving bar
        self._progress.update(self._tasks[stage], completed=done, total=shown)
