"""YAML of recordings: text of several lines as a block, streams and numbers on one line, names in their own order.

The dumper in Python writes emoji unchanged and the same text on every machine; the one in C does not.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

_OTHER_LINE_ENDS = re.compile("[\r\x85\u2028\u2029]")
_LIST, _MAPPING, _TEXT = (f"tag:yaml.org,2002:{kind}" for kind in ("seq", "map", "str"))


class OneLineMapping(dict[str, Any]):
    """A mapping that is written on one line."""


class OneLineList(list[Any]):
    """A list that is written on one line."""


def dump_yaml(value: Any) -> str:
    """Return a value as YAML. The same value always gives the same text."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**31)
    return text


class _Dumper(yaml.SafeDumper):
    one_line = False

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_one_line(self, value: list[Any] | dict[str, Any]) -> yaml.Node:
        outer, self.one_line = self.one_line, True
        try:
            if isinstance(value, list):
                return self.represent_sequence(_LIST, value, True)
            return self.represent_mapping(_MAPPING, value, True)
        finally:
            self.one_line = outer

    def represent_text(self, text: str) -> yaml.ScalarNode:
        style = None
        if "\n" in text or _OTHER_LINE_ENDS.search(text):
            # A block that begins or ends with white space needs marks that are hard to read.
            odd = _OTHER_LINE_ENDS.search(text) or text[0].isspace() or text.endswith("\n\n")
            style = '"' if odd or self.one_line else "|"
        return self.represent_scalar(_TEXT, text, style=style)

    def represent_items(self, items: list[Any]) -> yaml.SequenceNode:
        numbers = all(isinstance(item, int | float) for item in items)  # such as an embedding
        return self.represent_sequence(_LIST, items, flow_style=numbers)


_Dumper.add_representer(str, _Dumper.represent_text)
_Dumper.add_representer(list, _Dumper.represent_items)
_Dumper.add_representer(OneLineList, _Dumper.represent_one_line)
_Dumper.add_representer(OneLineMapping, _Dumper.represent_one_line)
