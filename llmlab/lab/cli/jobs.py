"""The commands `worker` and `jobs list`, `show`, `watch`, `cancel`, `retry` and `export`."""

from __future__ import annotations

import csv
import os
import signal
import sys
import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmlab.lab.cli import options
from llmlab.lab.cli.session import errors_shown, show_json, switched_on

if TYPE_CHECKING:
    from rich.table import Table

    from llmlab.toolkit.jobs import JobGroup

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="What `start_job` returned.")]
ProjectOption = Annotated[int | None, typer.Option("--project", help="Only jobs of this project.")]
OrganizationOption = Annotated[int | None, typer.Option("--organization", help="Only jobs of this organisation.")]
StatusOption = Annotated[
    str | None, typer.Option("--status", help="Only queued, running, succeeded, failed or cancelled ones.")
]


def worker(
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, help="Jobs at the same time.")] = 4,
    requests_per_minute: Annotated[
        int | None, typer.Option("--requests-per-minute", min=1, help="Limit over all workers.")
    ] = None,
    in_flight: Annotated[int | None, typer.Option("--in-flight", min=1, help="Jobs at once, over all workers.")] = None,
    max_usd: Annotated[float | None, typer.Option("--max-usd", min=0, help="Limit of all costs, in USD.")] = None,
    mode: options.Mode = None,
    until_stdin_ends: Annotated[bool, typer.Option("--until-stdin-ends", hidden=True)] = False,
) -> None:
    """Run jobs until Ctrl-C or SIGTERM; what runs then is finished first.

    Rows are in LLMLAB_JOBS_URL, messages come from LLMLAB_BROKER_URL; without them both are in the folder .llmlab.
    """
    with switched_on(mode):
        from llmlab.lab.notebooks.worker import READY
        from llmlab.toolkit.jobs import JobLimits, JobWorker

        if until_stdin_ends:
            threading.Thread(target=_end_with_stdin, name="llmlab-jobs-stdin", daemon=True).start()
        limits = JobLimits(requests_per_minute, in_flight, max_usd)
        JobWorker(concurrency, limits).run(lambda: typer.echo(READY))
    typer.echo("The worker has ended.")


def list_jobs(
    project: ProjectOption = None,
    organization: OrganizationOption = None,
    status: StatusOption = None,
    as_json: options.Json = False,
) -> None:
    """List jobs, oldest first.

    With --json it is a line each: {id, status, project_id, organization_id, attempts, created_at, started_at,
    finished_at (seconds since 1970 or null), cost (USD or null), seconds (from start to end, or null), answer, error}.
    """
    with errors_shown(as_json=as_json):
        found = _find(project, organization, status)
        if as_json:
            for line in found.summaries():
                show_json(line)
        else:
            from rich.console import Console

            Console(soft_wrap=True).print(_table(found.summaries()))


def show(job_id: IdArgument, as_json: options.Json = False) -> None:
    """Show one job: its state, its times, and its answer or error. With --json it is a line of `jobs list --json`."""
    with errors_shown(as_json=as_json):
        line = _job(job_id).summary()
        if as_json:
            show_json(line)
        else:
            for name, value in line.items():
                typer.echo(f"{name}: {_time(value) if name.endswith('_at') else value}")


def watch(
    project: ProjectOption = None,
    organization: OrganizationOption = None,
    every: Annotated[float, typer.Option("--every", min=0.05, help="Seconds between two looks.")] = 0.5,
) -> None:
    """Show jobs in a table that changes as they do, until none waits or runs. Ctrl-C ends it earlier."""
    from rich.live import Live

    with errors_shown(), Live(refresh_per_second=8) as live:
        while True:
            found = _find(project, organization, None)
            live.update(_table(found.summaries()))
            if not {"queued", "running"} & set(found.counts()):
                return
            time.sleep(every)


def cancel(job_id: IdArgument, as_json: options.Json = False) -> None:
    """Cancel a job, and stop its call if it runs. With --json it is {id, cancelled}."""
    with errors_shown(as_json=as_json):
        cancelled = _job(job_id).cancel()
        if as_json:
            show_json({"id": job_id, "cancelled": cancelled})
        else:
            typer.echo("cancelled" if cancelled else "it had ended already")


def retry(job_id: IdArgument, as_json: options.Json = False) -> None:
    """Start a failed or cancelled job again, as a new job, and print its id. With --json it is {id, retry_of}."""
    with errors_shown(as_json=as_json):
        again = _job(job_id).retry()
        if as_json:
            show_json({"id": again.id, "retry_of": job_id})
        else:
            typer.echo(again.id)


def export(
    project: ProjectOption = None,
    organization: OrganizationOption = None,
    status: StatusOption = None,
    as_json: options.Json = False,
) -> None:
    """Print jobs as CSV, or with --json as `jobs list --json` does."""
    with errors_shown(as_json=as_json):
        lines = _find(project, organization, status).summaries()
        if as_json:
            for line in lines:
                show_json(line)
        elif lines:
            writer = csv.DictWriter(sys.stdout, list(lines[0]))
            writer.writeheader()
            writer.writerows(lines)


def _end_with_stdin() -> None:
    """Stop this process as SIGTERM does when the program that started it has ended."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _find(project: int | None, organization: int | None, status: Any) -> JobGroup:
    from llmlab.toolkit.jobs import jobs
    from llmlab.toolkit.jobs.store import STATUSES

    if status is not None and status not in STATUSES:
        raise typer.BadParameter(f"the status is one of {', '.join(STATUSES)}", param_hint="--status")
    return jobs(project, organization, status)


def _job(job_id: str) -> Any:
    from llmlab.toolkit.jobs import job

    return job(job_id)


def _table(lines: list[dict[str, Any]]) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("id", "status", "attempts", "created", "answer or error"):
        table.add_column(name, no_wrap=name == "id", overflow="fold")
    for line in lines:
        text = " ".join((line["answer"] or line["error"]).split())[:60]
        table.add_row(line["id"], line["status"], str(line["attempts"]), _time(line["created_at"]), escape(text))
    return table


def _time(value: float | None) -> str:
    return "" if value is None else datetime.fromtimestamp(value).strftime("%Y-%m-%d %H:%M:%S")
