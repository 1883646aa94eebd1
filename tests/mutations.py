r"""Forty hand-made mutations of important lines, each with the tests that must notice it.

    python3 -m tests.mutations [number …]     # all of them take some minutes

One mutation at a time is written into a temporary copy of the tracked files; its tests run there. The line with `#` is
what a user loses. The next one names the file in `llmlab/` and the tests in `tests/`. Lines with `-` are in the file
as they stand, and those with `+` take their place.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
MOST_SURVIVORS = 2

TABLE = r"""
# A key that may not use a model (403) is reported as a failure of the service.
formats/errors.py test_errors.py::test_an_error_has_the_right_kind_the_vendors_words_and_the_next_step
- **dict.fromkeys((401, 403), _KEY),
+ **dict.fromkeys((401,), _KEY),
# A wrong key that the service repeats with stars in its middle is shown in the error.
_utils/redaction.py utils/test_redaction.py::test_a_secret_is_taken_out
- _KEY = r"[A-Za-z0-9_*.…-]"
+ _KEY = r"[A-Za-z0-9_.-]"
# temperature=True is sent as if it were a number, and the service answers with an error that nobody understands.
types/validation.py types/test_request.py::test_a_wrong_value_is_refused_and_the_right_one_named
- return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high and value < math.inf
+ return isinstance(value, (int, float)) and low <= value <= high and value < math.inf
# The key in an old .env replaces the one that was just set in the environment.
config/environment.py config/test_keys.py::test_the_environment_comes_before_the_file
- if key := _real(variable, os.environ if environ is None else environ):
+ if key := _real(variable, {**(os.environ if environ is None else environ), **read_dotenv()}):
# A key stands in every log, traceback and notebook that shows a Secret.
config/environment.py config/test_keys.py::test_a_secret_shows_itself_to_reveal_only
- return "**********"
+ return self._value
# Two tool calls that arrive interleaved become one with mixed arguments.
formats/openai_chat.py formats/test_decoding.py::test_parallel_tool_calls_are_told_apart
- if whole or not isinstance(slot, int):
+ if True:
# The tokens of the prompt are 0 in every streamed answer of Anthropic, and its cost is too low.
formats/anthropic_messages.py formats/test_stream_events.py::test_anthropic_thinks_then_speaks_then_calls_two_tools
- self._usage = usage(self._count(counts))
+ self._usage = usage(mapping(counts))
# OpenAI refuses every tool that has an argument with a default.
formats/openai_responses.py formats/test_encoding.py::test_tools_and_choices_have_each_services_own_shape
- return {"type": "function", **function_tool(tool)["function"], "strict": False}
+ return {"type": "function", **function_tool(tool)["function"]}
# The same tool call in two rounds of Ollama has one id, so that its results are mixed up.
formats/ollama.py formats/test_decoding.py::test_the_same_tool_call_in_a_later_answer_has_another_id
- identifier = text(call.get("id")) or generated_id(event.get("created_at"), index, function)
+ identifier = text(call.get("id")) or generated_id(index, function)
# A stream of a server that ends its lines with CRLF has no events.
formats/sse.py formats/test_sse.py::test_server_sent_events_as_real_servers_write_them
- elif data and (not line or line == b"\r"):
+ elif data and not line:
# A line that the network cuts in two, perhaps inside a character, is lost.
formats/sse.py formats/test_sse.py::test_any_cut_gives_the_same_events
- self._tail = lines.pop()
-         return self._events(lines)
+ return self._events(lines)
# The end marker of OpenAI's streams is an error.
formats/sse.py formats/test_sse.py::test_server_sent_events_as_real_servers_write_them
- if text == "[DONE]":
+ if text == "[END]":
# A number above the range of a model is sent, and refused by the service instead of here.
models/model.py models/test_model.py::test_a_range_in_words_is_the_range_that_is_checked
- return (low is None or value >= low) and (high is None or value <= high)
+ return low is None or value >= low
# The higher price of a long prompt is left out, so that a cost is said to be half of what it is.
models/pricing.py models/test_catalogue.py::test_a_long_request_costs_what_the_list_says
- step = next(step for step in steps if input_tokens > step.above or not step.above)
+ step = steps[-1]
# An answer that arrives drop by drop outlasts the deadline of its call.
transport/deadlines.py policies/test_deadline.py::test_a_service_that_drips_for_ever_is_left_at_the_deadline
- return min(self, self.end - perf_counter())
+ return float(self)
# The stream of a failed attempt stays open while the next one runs: connections run out.
transport/driver.py transport/test_driver.py::test_a_second_try_closes_the_stream_of_the_first
- opened[-1].close()
+ pass
# A call that meets an overloaded Anthropic fails at once.
policies/retry.py policies/test_retry.py::test_a_fault_that_passes_is_retried
- RETRY_STATUS = frozenset({408, 409, 429, *range(500, 600)} - {501})
+ RETRY_STATUS = frozenset({408, 409, 429, *range(500, 505)} - {501})
# A call waits for a retry that its deadline does not allow, and fails after the wait.
policies/retry.py policies/test_deadline.py::test_a_retry_that_would_come_too_late_is_not_waited_for
- if call is not None and (left := call.remaining()) is not None and wait >= left:
+ if call is not None and (left := call.remaining()) is not None and left <= 0:
# A server gets the stored answer of another one, and a comparison of the two is wrong.
policies/cache.py policies/test_cache.py::test_two_servers_with_one_model_do_not_share_answers
- parts = [call.provider, call.base_url, call.format.path, call.stream, call.body]
+ parts = [call.provider, call.format.path, call.stream, call.body]
# A call with n=2 costs twice what its budget reserved.
policies/budget.py policies/test_budget_bounds.py::test_two_answers_are_twice_as_long
- return None if limit is None else limit * max([1, *copies])
+ return limit
# Twice as many calls start in a minute as the limit allows.
policies/rate_limit_queue.py policies/test_rate_limit_queue.py::test_no_minute_has_more_than_its_share
- _started(slot) + MINUTE <= when
+ _started(slot) + MINUTE / 2 <= when
# Tokens from the cache of a service are counted at their full price.
policies/ledger/record.py ledger/test_costs.py::test_a_price_is_the_one_of_the_price_list
- cost = fresh * rate.input + self.cached_tokens * rate.cached + self.output_tokens * rate.output
+ cost = (fresh + self.cached_tokens) * rate.input + self.output_tokens * rate.output
# All calls at once go to a service that has just rested after a failure.
providers/circuit.py providers/test_failover.py::test_one_call_at_a_time_tries_a_service_that_has_rested
- if when < self._until or when < self._trial_ends:
+ if when < self._until:
# A model that calls tools for ever gets one round more than max_rounds allows.
toolkit/tools/loop.py tools/test_run.py::test_a_model_that_never_stops_calling_is_stopped
- if self._round > self._max_rounds:
+ if self._round > self._max_rounds + 1:
# A tool runs for a call without an id, and the next request is refused, because its result belongs to no call.
toolkit/tools/loop.py tools/test_run.py::test_calls_that_cannot_be_answered_are_refused
- elif not call.id:
+ elif call.id is None:
# A conversation that is shortened begins with an answer or the result of a tool, and services refuse it.
toolkit/conversation/turns.py conversation/test_pruning.py::test_no_limit_ever_breaks_a_conversation
- return [index for index, message in enumerate(messages) if message.role is Role.USER]
+ return [index for index, message in enumerate(messages)]
# A service asks llmlab's provider in an async call, and not the provider that was registered in its place.
toolkit/interfaces/service/providers.py interfaces/test_service.py::test_a_registered_provider_is_never_passed_over
- return type(self).execute is not BaseProvider.execute
+ return False
# A file that is added again stands beside its old version, and searches find both.
toolkit/vector_stores/local.py vector_stores/test_stores.py::test_a_file_that_is_added_again_replaces_the_earlier_one
- file = StoredFile("file-" + hashlib.sha256(name.encode()).hexdigest()[:16], name, len(content))
+ file = StoredFile("file-" + hashlib.sha256(content).hexdigest()[:16], name, len(content))
# The answers of a batch are assigned to the wrong prompts.
toolkit/batches/batch.py batches/test_services.py::test_results_come_in_any_order
- return [self._results.get(str(number)) or self._missing(number) for number in range(total)]
+ return list(self._results.values())
# After a process was killed while it wrote, the next answer is glued to the damaged line and paid again.
toolkit/batches/journal.py batches/test_local.py::test_a_stopped_batch_asks_only_for_what_is_missing
- data = data if file.read() == b"\n" else b"\n" + data
+ data = data if file.read() else b"\n" + data
# A difference between two models looks twice as sure as it is.
toolkit/evaluation/statistics.py evaluation/test_statistics.py::test_pairs_of_two_scores_are_compared_exactly
- p = min(1.0, 2 * _at_most(min(wins, len(sizes) - wins), len(sizes), 0.5))
+ p = min(1.0, _at_most(min(wins, len(sizes) - wins), len(sizes), 0.5))
# A request to one service is answered from the recording of another one.
lab/wire/messages.py tape/test_matcher.py::test_requests_that_mean_the_same_are_found_and_others_are_not
- return f"{request.method.upper()} {request.alias} {path} {canonical_json(request.body)}"
+ return f"{request.method.upper()} {path} {canonical_json(request.body)}"
# Keys and names in an answer are written into a recording, and from there into git.
lab/tape/recorder.py tape/test_record.py::test_no_planted_secret_reaches_the_disk
- secrets), redact_answer(stored, secrets))
+ secrets), stored)
# A lesson that is proven from its recordings may ask a server in the same network.
config/addresses.py tape/test_network_guard.py::test_the_guard_knows_this_machine_from_others
- return (getattr(address, "ipv4_mapped", None) or address).is_loopback
+ return (getattr(address, "ipv4_mapped", None) or address).is_private
# A notebook that is offline still posts its data to a service, with a library that the tape does not see.
lab/tape/lab.py tape/test_network_guard.py::test_nothing_leaves_this_machine_whatever_library_a_notebook_uses
- GUARD.offline = not tape.passes_through
+ GUARD.offline = False
# A forked worker reads the answer to its parent's request.
transport/http.py transport/test_set_up.py::test_a_forked_process_has_connections_of_its_own
- os.register_at_fork(after_in_child=_after_fork)
+ os.register_at_fork(after_in_child=list)
# A fault that is planned once happens twice.
lab/faults/plan.py faults/test_plan.py::test_several_faults_happen_in_their_order_once_each
- if not applies or (self.times is not None and self.used >= self.times):
+ if not applies or (self.times is not None and self.used > self.times):
# The simulator calls tools that tool_choice="none" forbids.
lab/simulator/tool_choice.py simulator/test_reply.py::test_tool_choice_is_followed
- if not tools or choice == "none":
+ if not tools:
# A cell that prints on standard error what it printed on standard output still counts as proven.
lab/notebooks/nbval_plugin.py runner/test_comparison.py::test_planted_difference_is_caught
- if _kinds(now) != _kinds(stored):
+ if len(now) != len(stored):
# A cell that fails in another way than its lesson says is shown as right.
lab/notebooks/expect.py notebooks/test_expect.py::test_another_error_or_none_fails_the_cell
- if name not in (kind.__name__ for kind in type(error).__mro__):
+ if not name:
# An exercise is called right where the results of two tool calls were mixed up.
lab/exercises/lesson_09.py exercises/test_solutions.py::test_a_wrong_answer_is_explained
- if wanted not in str(result):
+ if not result:
# After an update the old packages stay, and the first command fails with an ImportError.
lab/bootstrap.py cli/test_bootstrap.py::test_environment_that_does_not_fit_is_repaired
- return self.stamp(need).read_text(encoding="utf-8") == self.fingerprint(need)
+ return True
# A script cannot tell too many requests, which pass, from other failures.
lab/cli/session.py cli/test_ask.py::test_exit_code_tells_failures_apart
- (errors.LLMRateLimitError, 4),
+ (errors.LLMRateLimitError, 1),
"""


class Mutation(NamedTuple):
    """One mutation. Paths are relative to the repository."""

    loss: str
    file: Path
    tests: list[str]
    old: str
    new: str


def read(block: str) -> Mutation:
    """Read one mutation of the table."""
    loss, paths, *lines = block.splitlines()
    file, *tests = paths.split()
    old, new = ("\n".join(line[2:] for line in lines if line[0] == sign) for sign in "-+")
    return Mutation(loss, Path("llmlab", file), [f"tests/{test}" for test in tests], old, new)


MUTATIONS = [read(block) for block in TABLE.strip().removeprefix("# ").split("\n# ")]


def copy_tracked_files(folder: Path) -> None:
    """Copy the files that git knows, as they are now."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)


def pass_in(folder: Path, tests: list[str]) -> bool:
    """Return whether tests pass in a copy; what is neither a pass nor a failure ends this program."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", *tests]
    variables = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    if result.returncode > 1:
        sys.exit(f"{' '.join(tests)}\n{result.stdout}{result.stderr}")
    return result.returncode == 0


def main(numbers: list[int]) -> int:
    """Try mutations by number, print what came of each, and return the exit code."""
    survived = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        copy_tracked_files(folder)
        if not pass_in(folder, sorted({test for number in numbers for test in MUTATIONS[number - 1].tests})):
            sys.exit("these tests fail without a mutation, so they prove nothing")
        for number in numbers:
            mutation = MUTATIONS[number - 1]
            path = folder / mutation.file
            source = path.read_text(encoding="utf-8")
            path.write_text(source.replace(mutation.old, mutation.new), encoding="utf-8")
            passed = pass_in(folder, mutation.tests)
            path.write_text(source, encoding="utf-8")
            survived += passed
            print(f"{number:2} {'SURVIVED' if passed else 'noticed '} {mutation.file}: {mutation.loss}", flush=True)
    print(f"{len(numbers) - survived} of {len(numbers)} noticed")
    return int(survived > MOST_SURVIVORS)


if __name__ == "__main__":
    sys.exit(main([int(word) for word in sys.argv[1:]] or list(range(1, len(MUTATIONS) + 1))))
