"""Where jobs are: a database for their rows, and a broker for messages to workers.

Without any setting both are in the folder `.llmlab` of the current folder. `LLMLAB_JOBS_URL` names another database,
`LLMLAB_BROKER_URL` a broker, such as redis://localhost or amqp://user@host; the same code then runs on many machines.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any, Final

from celery import Celery

from llmlab.errors import ConfigurationError
from llmlab.toolkit.jobs.folder_broker import SCHEME
from llmlab.toolkit.jobs.store import JobStore

TASK: Final = "llmlab.run_job"
_FOLDER: Final = ".llmlab"
_lock = threading.Lock()
_stores: dict[str, JobStore] = {}
_queues: dict[str, Celery] = {}


def database_url(db: Any = None) -> str:
    """Return the URL of the database: of a URL, an engine or a session of SQLAlchemy, else of the settings.

    Raises:
        ConfigurationError: the database is in the memory of this process, where no worker can see it.
    """
    if db is None:
        return os.environ.get("LLMLAB_JOBS_URL") or f"sqlite:///{Path(_FOLDER).absolute()}/jobs.db"
    bind = db.get_bind() if hasattr(db, "get_bind") else db
    url = bind.url.render_as_string(hide_password=False) if hasattr(bind, "url") else str(bind)
    if url in ("sqlite://", "sqlite:///:memory:"):
        raise ConfigurationError("jobs need a database that workers can open too: use sqlite:///jobs.db")
    return url


def open_jobs(db: Any = None) -> JobStore:
    """Return the store of a database. All parts of a process share it."""
    url = database_url(db)
    with _lock:
        if url not in _stores:
            _stores[url] = JobStore(url)
        return _stores[url]


def open_queue() -> Celery:
    """Return the Celery application of the broker.

    Raises:
        ConfigurationError: the folder of the messages cannot be made.
    """
    url = os.environ.get("LLMLAB_BROKER_URL") or f"filesystem://{Path(_FOLDER).absolute()}/queue"
    with _lock:
        if url not in _queues:
            _queues[url] = _celery(url)
        return _queues[url]


def forget() -> None:
    """Close databases and brokers of this process; the next use reads the settings again."""
    with _lock:
        for store in _stores.values():
            store.close()
        for queue in _queues.values():
            queue.close()
        _stores.clear()
        _queues.clear()


def _celery(url: str) -> Celery:
    options: dict[str, Any] = {"visibility_timeout": 60, "max_retries": 1, "interval_start": 0.1}
    if url.startswith("filesystem://"):
        folders = {name: Path(url.removeprefix("filesystem://"), name) for name in ("messages", "control")}
        try:
            for folder in folders.values():
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"the folder of the jobs cannot be made: {error}") from None
        messages = str(folders["messages"])
        options = {"data_folder_in": messages, "data_folder_out": messages, "control_folder": str(folders["control"])}
        url = f"{SCHEME}://localhost/"
    queue = Celery("llmlab", broker=url, set_as_current=False)
    queue.conf.update(
        broker_transport_options=options,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        task_default_queue="llmlab",
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        # Else a worker whose broker was away takes no more messages.
        worker_enable_prefetch_count_reduction=False,
        worker_hijack_root_logger=False,
        # A database of rows says what happened; a broker need not send events, too.
        worker_send_task_events=False,
    )
    return queue
