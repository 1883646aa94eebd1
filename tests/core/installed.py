"""Installed packages for tests: what pip leaves behind of one, put on the path."""

from __future__ import annotations

from pathlib import Path

import pytest


def install(package: str, group: str, monkeypatch: pytest.MonkeyPatch, **points: str) -> Path:
    """Install a package that offers entry points in a group: name, and `module:thing`. Returns its folder."""
    folder = Path.cwd() / f"site-{package}"
    about = folder / f"{package.replace('-', '_')}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
    lines = [f"[{group}]", *(f"{name} = {where}" for name, where in points.items())]
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    return folder
