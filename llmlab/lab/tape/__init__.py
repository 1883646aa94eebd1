"""The tape: what answers a request while the lab is switched on. See `switch.py` for how to switch it.

switch      on and off, and which mode      environment  variables, keys, placeholders
intercept   the seam in httpx and httpx2    bodies       streams, at their pace
asking      an HTTP request, sorted out     wire         bytes and JSON
tape        decides who answers             replay       finds a recording
recorder    writes recordings down          recording    their file, in the YAML of `notation`
faults_…    what goes wrong, on demand      attempts     how policies react to it, drawn in `timeline`
local       a real Ollama here              server       the simulator over real HTTP
redaction   what is never written down      trace, view  what was said, and how it is shown
exchange    a request and its answer        simulator/   answers what was not recorded
"""

from llmlab.lab.faults.block import faults
from llmlab.lab.tape.switch import banner, hurried, mode, start, stop, trace, unused, use_local
from llmlab.lab.tape.tape import Tape
from llmlab.lab.tape.trace import Exchange, Trace

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
