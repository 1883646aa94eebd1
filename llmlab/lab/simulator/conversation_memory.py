"""Remembers, within one conversation, what the user said about themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmlab.lab.simulator.question import Turn

_NAME = re.compile(
    r"\b(?:my name is|my name's|call me|i am called|the user(?:'s name is| is called))\s+([^\W\d_][\w'-]*)", re.I
)
_I_AM = re.compile(r"\b(?:I am|I'm|i am|i'm|this is)\s+([A-ZÀ-Þ][\w'-]+)\b(?=\s*(?:[.,!?;]|$|and\b))")
_HOME = re.compile(r"\bI live in ([A-ZÀ-Þ][\w'-]*(?: [A-ZÀ-Þ][\w'-]*)*)")
_MINE = re.compile(r"\bmy ((?!name\b)[a-z]+(?: [a-z]+)?) (?:is|are)(?: called)? ([^.,!?\n;]{1,60})", re.I)
_ASK_NAME = re.compile(
    r"\b(?:what(?:'s| is| was) my name|who am i|(?:know|remember|recall|tell me) my name|my name again)\b", re.I
)
_ASK_HOME = re.compile(r"\bwhere do i live\b", re.I)
_ASK_MINE = re.compile(r"\b(?:what|who|which)(?:'s| is| are| was) my ((?!name\b)[a-z]+(?: [a-z]+)?)", re.I)
_ASK_FIRST = re.compile(
    r"\bwhat (?:did i|was my|was the) (?:first|ask(?: you)?(?: first)?|first (?:question|message))\b", re.I
)


def name_in(turns: Sequence[Turn]) -> str:
    """Give the name that was told last, or nothing."""
    name = ""
    for turn in turns:
        if turn.role in ("user", "system"):
            found = _NAME.findall(turn.text) or (_I_AM.findall(turn.text) if turn.role == "user" else [])
            name = found[-1] if found else name
    return name[:1].upper() + name[1:]


def recall(prompt: str, turns: Sequence[Turn]) -> str:
    """Answer a question about what was said before, or give nothing if it is not one.

    Args:
        prompt: what the user asks now.
        turns: the whole conversation.
    """
    said = [turn.text for turn in turns if turn.role == "user"]
    told = "\n".join(turn.text for turn in turns if turn.role in ("user", "system"))
    if _ASK_NAME.search(prompt):
        name = name_in(turns)
        return f"Your name is {name}." if name else "You have not told me your name in this conversation."
    if _ASK_HOME.search(prompt):
        homes = _HOME.findall(told)
        return f"You live in {homes[-1]}." if homes else "You have not told me where you live."
    if asked := _ASK_MINE.search(prompt):
        wanted = asked[1].lower()
        for thing, value in reversed(_MINE.findall(told)):
            if thing.lower() == wanted:
                return f"Your {thing.lower()} is {value.strip()}."
        return f"You have not told me what your {wanted} is."
    if _ASK_FIRST.search(prompt) and len(said) > 1:
        return f"Your first message was: “{said[0].strip()[:200]}”"
    return ""


def greet(prompt: str) -> str:
    """Answer a greeting, or the telling of a name, or give nothing."""
    name = name_in([Turn("user", prompt)])
    if name:
        return f"Nice to meet you, {name}! I will remember your name in this conversation."
    if mine := _MINE.search(prompt):
        return f"Noted: your {mine[1].lower()} is {mine[2].strip()}." if not prompt.rstrip().endswith("?") else ""
    if re.match(r"\W*(?:hi|hello|hey|good (?:morning|evening|afternoon))\b[^?]{0,20}$", prompt.strip(), re.I):
        return "Hello! I am llmlab's simulator. How can I help you?"
    return ""
