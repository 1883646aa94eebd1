"""Limits on what calls may use together: USD, tokens and calls.

Each call reserves the most that it could use, is refused if that is more than is left, and gives back what it did not
use when it ends. Costs that are unknown before the call (searches, writing to a vendor's prompt cache) do not count.

A token is at least one byte of text, so bytes are a bound that no tokenizer breaks; English text needs a quarter of
them. Images, and what a service adds by itself, have bounds from the vendors' documentation.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

from llmlab._utils.locks import Lock
from llmlab.errors import BudgetExceededError, ConfigurationError, LLMError
from llmlab.models import LOCAL, ModelSpec, Rates, find_spec, rates
from llmlab.policies.base import Answer, Call, Inner
from llmlab.transport.driver import Flow
from llmlab.types.completion import Completion
from llmlab.types.messages import Message
from llmlab.types.validation import is_number

_PICO = 1_000_000_000_000
"""Money is counted in whole millionths of a millionth of a dollar, so that sums are exact."""
_CALL, _MESSAGE, _TOOLS, _IMAGE = 64, 32, 1_024, 25_000
"""Most tokens around a conversation and a message, of instructions for tools or a schema, and of an image."""
_UNSEEN = ("previous_response_id", "conversation", "prompt", "tools")
"""Fields of a vendor's own that let the service read text that is not in the request."""
_MAX_TOKENS = ("max_output_tokens", "max_completion_tokens", "max_tokens")

_Amounts: TypeAlias = tuple[int, int, int]
"""Money, tokens and calls."""


class Tokens(NamedTuple):
    """Tokens of a prompt and of its answer, and those of the prompt that came from a vendor's cache."""

    input: int
    output: int
    cached: int = 0

    def cost(self, steps: Sequence[Rates]) -> float:
        """Return the cost in USD; 0 without prices."""
        if (step := self.rates(steps)) is None:
            return 0.0
        return (self.input - self.cached) * step.input + self.cached * step.cached + self.output * step.output

    def rates(self, steps: Sequence[Rates]) -> Rates | None:
        """Return the prices for a prompt of this length; None without prices."""
        return next((step for step in steps if self.input > step.above or not step.above), None)


class _Account(NamedTuple):
    """One limit of a budget, and what is gone of it."""

    unit: Literal["USD", "tokens", "calls"]
    limit: int | None
    spent: int = 0
    reserved: int = 0

    def plus(self, spent: int, reserved: int) -> _Account:
        return _Account(self.unit, self.limit, self.spent + spent, self.reserved + reserved)

    @property
    def left(self) -> int | None:
        return None if self.limit is None else max(0, self.limit - self.spent - self.reserved)

    def words(self, amount: int | None) -> str:
        if amount is None:
            return "no limit"
        if self.unit != "USD":
            return f"{amount:,}"
        dollars = amount / _PICO
        # Two significant digits, however small the sum is: $0.000034.
        digits = max(2, 1 - int(f"{dollars:e}".partition("e")[2])) if dollars else 2
        whole, dot, cents = f"{dollars:,.{min(digits, 12)}f}".partition(".")
        return f"${whole}{dot}{cents[:2]}{cents[2:].rstrip('0')}"

    def __str__(self) -> str:
        unit = "" if self.unit == "USD" else f" {self.unit}"
        limit = "" if self.limit is None else f" of {self.words(self.limit)}"
        return f"{self.words(self.spent)}{limit}{unit}"


class Budget:
    """Limits what calls may use together. Share one between providers, threads and tasks.

    The worst case of a call is every token of its prompt, and an answer as long as `max_tokens` or, without it, as the
    model can write. A call that fails or is cancelled gives everything back; of a stream that was left or broke, the
    received part counts.

    Args:
        max_usd: limit of the cost in USD, by the service's own number or else the price list.
        max_tokens: limit of the tokens of prompts and answers.
        max_calls: limit of the answered calls.
        allow_unpriced: allow models without a known price under `max_usd`. Their calls count, but cost nothing.

    Raises:
        ConfigurationError: without a limit, or for one below 0.
    """

    kind: ClassVar[str] = "budget"

    def __init__(
        self,
        max_usd: float | None = None,
        max_tokens: int | None = None,
        max_calls: int | None = None,
        *,
        allow_unpriced: bool = False,
    ) -> None:
        limits = [limit for limit in (max_usd, max_tokens, max_calls) if limit is not None]
        if not limits or not all(map(is_number, limits)):
            raise ConfigurationError("a budget needs max_usd, max_tokens or max_calls, of 0 or more")
        usd = _Account("USD", None if max_usd is None else round(max_usd * _PICO))
        self._accounts: Sequence[_Account] = (usd, _Account("tokens", max_tokens), _Account("calls", max_calls))
        self._allow_unpriced = allow_unpriced
        self._lock = Lock()
        self._held: dict[Call, _Amounts | None] = {}
        self._kinds: Counter[str] = Counter()

    def wrap(self, call: Call, inner: Inner) -> Flow[Answer]:
        """Reserve the worst case of a call, or refuse the call; then send it."""
        steps, worst = self._prices(call), worst_case(call)

        def ended(completion: Completion | None, error: LLMError | None) -> None:
            if completion is None or completion.source == "cached":
                self._lock.run(self._settle, call, (0, 0, 0))
                return
            tokens, cost = used_by(completion, error, worst), completion.usage.cost
            usd = 0.0 if self._usd.limit is None else tokens.cost(steps) if cost is None else cost
            kind = "local" if call.provider in LOCAL else "priced" if steps or cost is not None else "unpriced"
            self._lock.run(self._settle, call, (round(usd * _PICO), tokens.input + tokens.output, 1), kind)

        call.at_end(ended)
        self._lock.run(self._reserve, call, worst, steps)
        return (yield from inner(call))

    @property
    def spent_usd(self) -> float | None:
        """USD that were spent; None without `max_usd`."""
        return None if self._usd.limit is None else self._usd.spent / _PICO

    @property
    def spent_tokens(self) -> int:
        """Tokens of all prompts and answers."""
        return self._accounts[1].spent

    @property
    def calls(self) -> int:
        """Calls that were answered."""
        return self._accounts[2].spent

    @property
    def calls_on_their_way(self) -> int:
        """Calls that hold a reservation."""
        return self._accounts[2].reserved

    @property
    def remaining_usd(self) -> float | None:
        """USD that are neither spent nor reserved; None without `max_usd`."""
        left = self._usd.left
        return None if left is None else left / _PICO

    @property
    def remaining_tokens(self) -> int | None:
        """Tokens that are neither spent nor reserved; None without `max_tokens`."""
        return self._accounts[1].left

    @property
    def remaining_calls(self) -> int | None:
        """Calls that are neither answered nor reserved; None without `max_calls`."""
        return self._accounts[2].left

    @property
    def _usd(self) -> _Account:
        return self._accounts[0]

    def _prices(self, call: Call) -> Sequence[Rates]:
        """Return the prices of a call; none without a limit in USD."""
        if self._usd.limit is None:
            return ()
        steps = rates(call.request.model, call.provider)
        if not steps and not self._allow_unpriced:
            raise BudgetExceededError(
                f"{call.request.model} of {call.provider} is unpriced, so no budget in USD can hold. Register its "
                "price with llmlab.register_spec(llmlab.ModelSpec(model, provider, prices=…)), or let such calls "
                "pass with Budget(…, allow_unpriced=True).",
                provider=call.provider,
            )
        return steps

    def _reserve(self, call: Call, worst: Tokens | None, steps: Sequence[Rates]) -> None:
        """Reserve the worst case of a call. Needs the lock."""
        counted = self._accounts[1].limit is not None or any(step.input or step.output for step in steps)
        if worst is None and counted:
            raise BudgetExceededError(
                f"it is unknown how much a call of {call.request.model} could use at most. Limit its answer with "
                "max_tokens=…, or register its context_window with llmlab.register_spec.",
                provider=call.provider,
            )
        most = worst or Tokens(0, 0)
        amounts = (math.ceil(most.cost(steps) * _PICO), most.input + most.output, 1)
        for account, amount in zip(self._accounts, amounts, strict=True):
            if account.left is not None and amount > account.left:
                raise BudgetExceededError(self._refusal(account, amount, most, steps), provider=call.provider)
        after = [account.plus(0, amount) for account, amount in zip(self._accounts, amounts, strict=True)]
        # One statement that calls nothing: Ctrl-C comes before or after all of it.
        self._accounts, self._held[call] = after, amounts

    def _settle(self, call: Call, used: _Amounts, kind: str = "") -> None:
        """Replace the reservation of a call, if it has one, by what it used. Needs the lock."""
        if (reserved := self._held.get(call)) is not None:
            pairs = zip(self._accounts, used, reserved, strict=True)
            after, count = [account.plus(amount, -before) for account, amount, before in pairs], self._kinds[kind] + 1
            self._accounts, self._held[call], self._kinds[kind] = after, None, count
        self._held.pop(call, None)

    def _refusal(self, account: _Account, amount: int, most: Tokens, steps: Sequence[Rates]) -> str:
        """Return what is spent, what the call could use, and what would fit."""
        calls = self._accounts[2].reserved
        reserved = f" and {account.words(account.reserved)} reserved by {calls} in flight" if calls else ""
        more = f"ive it more: Budget(max_{account.unit.lower()}=…)."
        if account.unit == "calls":
            return f"the budget is used up: {account} are spent{reserved}. G{more}"
        left = account.left or 0
        if account.unit == "tokens":
            fits = left - most.input
        else:
            rest, price = left / _PICO - Tokens(most.input, 0).cost(steps), most.rates(steps)
            fits = math.floor(rest / price.output) if price and price.output else 0
        shorter = f"Limit the answer: max_tokens={fits} fits. Or g" if fits > 0 else "G"
        return (
            f"this call could use {account.words(amount)}{'' if account.unit == 'USD' else ' tokens'} "
            f"({most.input:,} tokens in, {most.output:,} out), and the budget has {account.words(left)} left: "
            f"{account} are spent{reserved}. {shorter}{more}"
        )

    def __repr__(self) -> str:
        limited = [str(account) for account in self._accounts if account.limit is not None]
        return f"Budget({', '.join([*limited, *self._free_calls()])})"

    def _repr_markdown_(self) -> str:
        rows = "".join(
            f"| {account.unit} | {account.words(account.spent)} | {account.words(account.reserved)} | "
            f"{account.words(account.left)} | {account.words(account.limit)} |\n"
            for account in self._accounts
            if account.limit is not None or account.unit != "USD"
        )
        free = ", ".join(self._free_calls())
        # Markdown would read a formula between two dollar signs.
        rows = rows.replace("$", r"\$") + (f"\n{free}\n" if free else "")
        return f"| budget | spent | on the way | left | limit |\n|---|--:|--:|--:|--:|\n{rows}"

    def _free_calls(self) -> list[str]:
        """Return how many of the calls have no known cost."""
        kinds = [kind for kind in ("local", "unpriced") if self._kinds[kind] and self._usd.limit is not None]
        return [f"{self._kinds[kind]} of the calls {kind}" for kind in kinds]


def worst_case(call: Call) -> Tokens | None:
    """Return the most tokens that a call could use; None if that is unknown."""
    spec = find_spec(call.request.model, call.provider)
    # An embedding writes nothing.
    prompt, answer = _most_input(call, spec), 0 if call.request.max_tokens == 0 else _most_output(call.body, spec)
    return None if prompt is None or answer is None else Tokens(prompt, answer)


def used_by(completion: Completion, error: LLMError | None, worst: Tokens | None) -> Tokens:
    """Return the tokens that an answer used.

    Where the service sent no usage, as for a stream that was left or broke, it is the most that the received part can
    have used. Reasoning that was not shown is not in it.

    Args:
        completion: the answer as far as it arrived.
        error: the error that ended it, if any.
        worst: the most that it could use.
    """
    usage = completion.usage
    # Anthropic counts tokens from its cache in the total only.
    prompt, answer = max(usage.input_tokens, usage.total_tokens - usage.output_tokens), usage.output_tokens
    if error is not None or completion.finish_reason is None or not usage.total_tokens:
        prompt = prompt or (worst.input if worst else 0)
        calls = (f"{call.name}{call.unparsed}{_json(call.arguments)}" for call in completion.tool_calls)
        received = sum(map(_bytes, (completion.content, completion.reasoning, completion.refusal, *calls)))
        answer = max(answer, received if worst is None else min(received, worst.output))
    return Tokens(prompt, answer, min(usage.cached_tokens, prompt))


def _most_input(call: Call, spec: ModelSpec | None) -> int | None:
    request, window = call.request, spec.context_window if spec else None
    if request.file_search is not None or any(name in request.extra for name in _UNSEEN):
        return window
    most = _CALL + sum(map(_message, request.messages))
    if request.tools:
        most += _TOOLS + sum(_bytes(f"{tool.name}{tool.description}{_json(tool.parameters)}") for tool in request.tools)
    if request.response_format is not None:
        most += _TOOLS + _bytes(_json(request.response_format.schema))
    if request.extra:
        most += _bytes(_json(request.extra))
    return most if window is None else min(most, window)


def _message(message: Message) -> int:
    calls = sum(_MESSAGE + _bytes(f"{call.name}{_json(call.arguments)}") for call in message.tool_calls)
    return _MESSAGE + _bytes(message.content) + _IMAGE * len(message.images) + calls


def _most_output(body: Mapping[str, Any], spec: ModelSpec | None) -> int | None:
    limit = next((body[name] for name in _MAX_TOKENS if name in body), None)
    if limit is None and isinstance(options := body.get("options"), Mapping):
        limit = options.get("num_predict")
    if not isinstance(limit, int) or limit <= 0:
        limit = (spec.max_output_tokens or spec.context_window) if spec else None
    copies = [body[name] for name in ("n", "best_of") if isinstance(body.get(name), int)]
    return None if limit is None else limit * max([1, *copies])


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
