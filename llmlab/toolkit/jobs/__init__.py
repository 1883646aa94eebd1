"""Background jobs: calls that outlive a cell, on one machine or many.

>>> job_id = llmlab.start_job(request)  # doctest: +SKIP
>>> llmlab.job(job_id).wait().result  # doctest: +SKIP

Celery carries messages, a database holds the rows. Both are an extra: pip install 'llmlab[jobs]'.
"""

from __future__ import annotations

from llmlab.errors import ConfigurationError

try:
    from llmlab.toolkit.jobs.client import Job, JobGroup, job, jobs, start_job, start_job_async, submit_many
    from llmlab.toolkit.jobs.limits import JobLimits
    from llmlab.toolkit.jobs.worker import JobWorker
except ModuleNotFoundError as error:
    raise ConfigurationError(f"jobs need the package {error.name}: pip install 'llmlab[jobs]'") from None

__all__ = [
    "Job",
    "JobGroup",
    "JobLimits",
    "JobWorker",
    "job",
    "jobs",
    "start_job",
    "start_job_async",
    "submit_many",
]
