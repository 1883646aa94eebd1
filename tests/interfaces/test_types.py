"""Types of the interfaces. If one fails, an editor underlines a program that is right, or not one that is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CLONE = Path(__file__).resolve().parents[2]
SCRIPTS = """
from llmlab.toolkit.interfaces.scripts import (
    CompletionResponse, Message, OpenRouterProvider, ProviderConfig, ProviderType, get_provider,
)

provider = get_provider(ProviderType.OPENROUTER, api_key="...", timeout=60.0, max_retries=3)
config = ProviderConfig(api_key="...", default_model="openrouter/free")
provider = OpenRouterProvider(config)
answer: CompletionResponse = provider.complete([Message(role="user", content="Hi", tool_calls=None)])
text: str = answer.content + str(answer.usage["total_tokens"])
pieces: list[str] = list(provider.complete_stream([Message("user", "Hi")]))
"""


def test_mypy_sees_every_name(tmp_path: Path) -> None:
    """The snippets, strictly checked in one run, which takes some seconds."""
    files = [tmp_path / "scripts.py"]
    files[0].write_text(SCRIPTS, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *files], cwd=CLONE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
