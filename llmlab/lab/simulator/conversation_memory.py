"""Memory within one conversation: what the user said about themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmlab.lab.simulator.conversation import Turn

_NAME = re.compile(
    r"\b(?:my name is|my name's|call me|i am called|the user(?:'s name is| is called))\s+([^\W\d_][\w'-]*)", re.I
)
_I_AM = re.compile(r"\b(?:I am|I'm|i am|i'm|this is)\s+([A-ZÀ-Þ][\w'-]+)\b(?=\s*(?:[.,!?;]|$|and\b))")
_HOME = re.compile(r"\bI live in ([A-ZÀ-Þ][\w'-]*(?: [A-ZÀ-Þ][\w'-]*)*)")
_MINE = re.compile(r"\bmy ((?!name\b)[a-z]+(?: [a-z]+)?) (?:is|are)(?: called)? ([^.,!?\n;]{1,60})", re.I)
_ASKS_NAME = re.compile(
    r"\b(?:what(?:'s| is| was) my name|who am i|(?:know|remember|recall|tell me) my name|my name again)\b", re.I
)
_ASKS_MINE = re.compile(r"\b(?:what|who|which)(?:'s| is| are| was) my ((?!name\b)[a-z]+(?: [a-z]+)?)", re.I)
_ASKS_FIRST = re.compile(
    r"\bwhat (?:did i|was my|was the) (?:first|ask(?: you)?(?: first)?|first (?:question|message))\b", re.I
)
_GREETING = re.compile(r"\W*(?:hi|hello|hey|good (?:morning|evening|afternoon))\b[^?]{0,20}$", re.I)


def recall(prompt: str, turns: Sequence[Turn]) -> str:
    """Answer a question about earlier messages; an empty text if it is none."""
    questions = [turn.text for turn in turns if turn.role == "user"]
    history = "\n".join(turn.text for turn in turns if turn.role in ("user", "system"))
    if _ASKS_NAME.search(prompt):
        name = _name_in(turns)
        return f"Your name is {name}." if name else "You have not told me your name in this conversation."
    if re.search(r"\bwhere do i live\b", prompt, re.I):
        homes = _HOME.findall(history)
        return f"You live in {homes[-1]}." if homes else "You have not told me where you live."
    if match := _ASKS_MINE.search(prompt):
        values, thing = {one.lower(): value.strip() for one, value in _MINE.findall(history)}, match[1].lower()
        return f"Your {thing} is {values[thing]}." if thing in values else f"You have not told me what your {thing} is."
    if _ASKS_FIRST.search(prompt) and len(questions) > 1:
        return f"Your first message was: “{questions[0].strip()[:200]}”"
    return ""


def greet(prompt: str) -> str:
    """Answer a greeting, or a user who tells their name; an empty text for anything else."""
    if name := _name_in([Turn("user", prompt)]):
        return f"Nice to meet you, {name}! I will remember your name in this conversation."
    if mine := _MINE.search(prompt):
        return "" if prompt.rstrip().endswith("?") else f"Noted: your {mine[1].lower()} is {mine[2].strip()}."
    return "Hello! I am llmlab's simulator. How can I help you?" if _GREETING.match(prompt.strip()) else ""


def _name_in(turns: Sequence[Turn]) -> str:
    """Return the latest name that the user gave, or an empty text."""
    name = ""
    for turn in turns:
        if turn.role in ("user", "system"):
            names = _NAME.findall(turn.text) or (_I_AM.findall(turn.text) if turn.role == "user" else [])
            name = names[-1] if names else name
    return name[:1].upper() + name[1:]
