"""A parser of DynamoDB's expression language: conditions, key conditions and updates.

Only the part that the service uses is supported. Anything else raises NotImplementedError rather than guess.
"""

import re
from functools import lru_cache
from typing import Any

from tests.fakes.dynamodb_values import Invalid, Path

TOKEN = re.compile(r"\s*(?:(#[\w-]+|:[\w-]+|[A-Za-z_]\w*|[0-9]+)|(<>|<=|>=|[=<>(),.\[\]+\-]))")
COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
FUNCTIONS = ("attribute_exists", "attribute_not_exists", "begins_with", "contains", "size", "list_append")


@lru_cache(maxsize=4_096)
def tokens(text: str) -> tuple[str, ...]:
    found, place = [], 0
    text = text.rstrip()
    while place < len(text):
        match = TOKEN.match(text, place)
        if not match:
            raise Invalid(f'Invalid expression: Syntax error; near: "{text[place : place + 20]}"')
        found.append(match[1] or match[2])
        place = match.end()
    return tuple(found)


class Parser:
    """A recursive-descent parser of one expression."""

    def __init__(self, text: str) -> None:
        self.left = list(tokens(text))[::-1]

    @property
    def next(self) -> str:
        return self.left[-1] if self.left else ""

    def take(self, wanted: str | None = None) -> str:
        if not self.left or (wanted is not None and self.next.upper() != wanted):
            raise Invalid(f'Invalid expression: Syntax error; token: "{self.next}"')
        return self.left.pop()

    def took(self, wanted: str) -> bool:
        return bool(self.next.upper() == wanted and self.left.pop())

    def condition(self) -> Any:
        found = self._and()
        while self.took("OR"):
            found = ("or", found, self._and())
        return found

    def _and(self) -> Any:
        found = self._not()
        while self.took("AND"):
            found = ("and", found, self._not())
        return found

    def _not(self) -> Any:
        if self.took("NOT"):
            return ("not", self._not())
        if self.took("("):
            found = self.condition()
            self.take(")")
            return found
        if self.next in FUNCTIONS and self.next != "size":
            return self._function()
        left = self.operand()
        if self.took("BETWEEN"):
            low = self.operand()
            self.take("AND")
            return ("between", left, low, self.operand())
        if self.took("IN"):
            self.take("(")
            options = [self.operand()]
            while self.took(","):
                options.append(self.operand())
            self.take(")")
            return ("in", left, *options)
        sign = self.take()
        if sign not in COMPARISONS:
            raise Invalid(f'Invalid expression: Syntax error; token: "{sign}"')
        return (sign, left, self.operand())

    def _function(self) -> Any:
        name = self.take()
        self.take("(")
        arguments = [self.operand()]
        while self.took(","):
            arguments.append(self.operand())
        self.take(")")
        return (name, *arguments)

    def operand(self) -> Any:
        if self.next in ("size", "list_append", "if_not_exists"):
            return self._function()
        if self.next.startswith(":"):
            return ("value", self.take())
        return ("path", self.path())

    def path(self) -> Path:
        parts: list[str | int] = [self.take()]
        while self.next in (".", "["):
            if self.took("."):
                parts.append(self.take())
            else:
                self.take("[")
                parts.append(int(self.take()))
                self.take("]")
        for part in parts:
            if isinstance(part, str) and not part.startswith("#"):
                raise NotImplementedError(f"an attribute name without an alias: {part}")
        return tuple(parts)

    def update(self) -> list[tuple[str, Path, Any]]:
        found: list[tuple[str, Path, Any]] = []
        while self.left:
            section = self.take().upper()
            if section not in ("SET", "REMOVE"):
                raise NotImplementedError(f"an update with {section}")
            while True:
                path, value = self.path(), None
                if section == "SET":
                    self.take("=")
                    value = self.operand()
                    if self.next in ("+", "-"):
                        value = (self.take(), value, self.operand())
                found.append((section, path, value))
                if not self.took(","):
                    break
        return found


@lru_cache(maxsize=4_096)
def parse_condition(text: str) -> Any:
    parser = Parser(text)
    found = parser.condition()
    if parser.left:
        raise Invalid(f'Invalid expression: Syntax error; token: "{parser.next}"')
    return found


@lru_cache(maxsize=4_096)
def parse_update(text: str) -> tuple[tuple[str, Path, Any], ...]:
    return tuple(Parser(text).update())
