"""What the tape reads from the environment, and the keys it puts there.

OpenAI's and Anthropic's clients refuse to be made without a key. Where nothing is sent, a placeholder stands in for it;
where requests go out, keys come from `.env`, because a lesson with raw SDK code reads the environment only. Taking the
tape off removes exactly what it put there.
"""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import Final, Literal, get_args

from llmlab.config.environment import VARIABLES, find_key, read_dotenv
from llmlab.errors import ConfigurationError
from llmlab.lab.tape.redaction import PLACEHOLDER

Mode = Literal["offline", "replay", "live", "record"]
MODES: Final[tuple[Mode, ...]] = get_args(Mode)
KEY_OF: Final = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "openrouter": "OPENROUTER_API_KEY"}
"""The variable that holds the key of each service that asks for one."""
KEYS: Final = tuple(KEY_OF.values())


class Keys:
    """What was put into the environment, so that it can be taken out again."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[str | None, str]] = {}

    def put_placeholders(self) -> None:
        """Give every service that asks for a key something to be content with."""
        for name in KEYS:
            if not os.environ.get(name):
                self._put(name, PLACEHOLDER)

    def put_dotenv(self) -> None:
        """Give raw SDK code what `.env` holds."""
        written = read_dotenv()
        for name in VARIABLES:
            if os.environ.get(name) or name.startswith("LLMLAB_"):
                continue
            key = find_key(name) if name in KEYS else None
            if value := key.reveal() if key else "" if name in KEYS else written.get(name):
                self._put(name, value)

    def remove(self) -> None:
        """Take out what was put in, unless somebody has changed it since."""
        while self._before:
            name, (before, ours) = self._before.popitem()
            if os.environ.get(name) != ours:
                continue
            if before is None:
                del os.environ[name]
            else:
                os.environ[name] = before

    def _put(self, name: str, value: str) -> None:
        self._before[name] = (os.environ.get(name), value)
        os.environ[name] = value


def find_mode(mode: str | None) -> Mode:
    """Return the mode: the argument, else LLMLAB_MODE, else offline.

    Raises:
        ConfigurationError: there is no such mode; the message names the nearest.
    """
    wanted = (mode or os.environ.get("LLMLAB_MODE") or "offline").strip().lower()
    if wanted not in MODES:
        close = difflib.get_close_matches(wanted, MODES, 1, 0.3)
        guess = f" Did you mean {close[0]!r}?" if close else ""
        raise ConfigurationError(f"there is no mode {wanted!r}.{guess} The modes are {', '.join(MODES)}.")
    return wanted


def find_pace(pace: float | None) -> float:
    """Return the factor on waiting times: the argument, else LLMLAB_PACE, else 1.

    Raises:
        ConfigurationError: it is not a number, or below 0.
    """
    given = os.environ.get("LLMLAB_PACE") or "1" if pace is None else pace
    try:
        factor = float(given)
    except ValueError:
        factor = -1.0
    if not 0 <= factor < float("inf"):
        raise ConfigurationError(f"the pace must be a number from 0 (no waiting) upwards, such as 1, not {given!r}")
    return factor


def find_lesson(lesson: str | None) -> str | None:
    """Return the lesson: the argument, else LLMLAB_LESSON, else the notebook that Jupyter says this is, else None.

    Raises:
        ConfigurationError: the name cannot be that of a file everywhere.
    """
    name = lesson or os.environ.get("LLMLAB_LESSON")
    if name and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name):
        raise ConfigurationError(
            f"a lesson's name has letters, digits, _ - and . only, such as 01_call_openai: {name!r}"
        )
    session = os.environ.get("JPY_SESSION_NAME", "")
    if not name and session.endswith(".ipynb"):
        name = lesson_name(Path(session.replace("\\", "/")).stem)
    return name or None


def lesson_name(stem: str) -> str:
    """Return the name of a notebook as that of a file can be everywhere: `my notes.ipynb` is the lesson `my_notes`."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", stem).lstrip(".-") or "_"


def find_recordings(folder: str | Path | None) -> Path:
    """Return the folder of recordings: the argument, else LLMLAB_RECORDINGS, else the one beside the notebook."""
    if given := folder or os.environ.get("LLMLAB_RECORDINGS"):
        return Path(given)
    places = (Path("recordings"), Path("notebooks/recordings"))
    return next((place for place in places if place.is_dir()), places[0]).absolute()
