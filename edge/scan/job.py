"""What a scan is asked to do on one line, and where it begins: anew, or where one was stopped."""

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from edge.config import EdgeConfig, LineConfig
from edge.scan import notebook
from edge.scan.notebook import Notebook, NotebookError
from edge.scan.searches import Search
from edge.scan.standing import Candidate, Standing, judge


class Job(NamedTuple):
    """The scan of one line. `remark` is what a person should know before it starts."""

    line: LineConfig
    searches: tuple[Search, ...]
    notes: Notebook
    path: Path
    remark: str | None

    def save(self) -> None:
        """Keep the notes; OSError if that cannot be done."""
        self.notes.save(self.path)

    def forget(self) -> None:
        """Remove the notes: what they say is in the configuration."""
        self.path.unlink(missing_ok=True)

    def candidates(self, config: EdgeConfig) -> list[Candidate]:
        """All meters found so far, as they stand to `config`, which may be newer than the job."""
        line = next((one for one in config.lines if one.name == self.line.name), self.line)
        return [judge(found, line, config) for found in self.notes.found]

    def counts(self, config: EdgeConfig) -> dict[Standing, int]:
        """How many of each standing were found."""
        counter = Counter(candidate.standing for candidate in self.candidates(config))
        return {standing: counter[standing] for standing in Standing}


def prepare(
    line: LineConfig,
    searches: tuple[Search, ...],
    state_dir: Path,
    *,
    fresh: bool,
    writes: bool,
    now: datetime,
) -> Job:
    """The job on a line. A scan that is over is used again only by one that `writes`."""
    path = notebook.path_of(state_dir, line.name)
    titles = tuple(search.title for search in searches)
    began = now.strftime("%Y-%m-%d %H:%M")
    anew = Notebook(url=line.url, searches=titles, began=began, found=[])
    if fresh:
        return Job(line, searches, anew, path, None)
    try:
        noted = notebook.load(path, line.url, titles)
    except NotebookError as error:
        return Job(line, searches, anew, path, f"starting over: {error}")
    if noted is None or (noted.complete and not writes):
        return Job(line, searches, anew, path, None)
    if noted.complete:
        remark = f"taking what the scan of {noted.began} found; --fresh searches again"
    else:
        remark = f"going on where the scan of {noted.began} stopped; --fresh starts over"
    return Job(line, searches, noted, path, remark)
