"""The tape: answers every request of httpx and httpx2 while the lab is switched on.

lab              switches it on and off               tape            decides what answers
transport_patch  stands in httpx and httpx2           body_streams    streams, at their pace
request_parser   which service a request is for       environment     variables, keys, placeholders
cassette         the file of recordings               matcher         finds a recording
recorder         writes recordings                    redaction       removes secrets before that
exchange, trace  what was sent, and how to show it    secret_scan     finds what should not be stored
drift            asks the recorded requests again     json_shape      what differs between two answers
"""

from llmlab.lab.tape.exchange import Exchange
from llmlab.lab.tape.lab import banner, faults, hurried, mode, start, stop, trace, unused, use_local
from llmlab.lab.tape.tape import Tape
from llmlab.lab.tape.trace import Trace

__all__ = [
    "Exchange",
    "Tape",
    "Trace",
    "banner",
    "faults",
    "hurried",
    "mode",
    "start",
    "stop",
    "trace",
    "unused",
    "use_local",
]
