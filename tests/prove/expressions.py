"""DynamoDB's expression language, as far as the store speaks it: conditions, key conditions and updates.

Values are DynamoDB's own, `{"S": "a"}`. What is not spoken here raises NotImplementedError rather than guess.
"""

import re
from collections.abc import Mapping
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any

Value = dict[str, Any]
Item = dict[str, Value]
Path = tuple[str | int, ...]

DIGITS_MAX = 38
EXACT = Context(prec=60)
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
SHORT = re.compile(r"-?[1-9][0-9]{0,37}|0", re.ASCII)
TOKEN = re.compile(r"\s*(?:(#[\w-]+|:[\w-]+|[A-Za-z_]\w*|[0-9]+)|(<>|<=|>=|[=<>(),.\[\]+\-]))")
COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
FUNCTIONS = ("attribute_exists", "attribute_not_exists", "begins_with", "contains", "size", "list_append")


class Invalid(Exception):
    """A request that DynamoDB refuses as a ValidationException."""


class Inapplicable(Invalid):
    """An update that the item as it stands does not allow: inside a transaction it cancels the transaction."""


def number(text: Any) -> str:
    """A number as DynamoDB keeps it: ASCII, at most 38 significant digits, no exponent, no needless zeros."""
    if not isinstance(text, str) or not NUMBER.fullmatch(text):
        raise Invalid("The parameter cannot be converted to a numeric value")
    if SHORT.fullmatch(text):
        return text
    value = Decimal(text)
    _, digits, exponent = value.normalize(EXACT).as_tuple()
    if len(Decimal(text).as_tuple().digits) > DIGITS_MAX and len(str(int("".join(map(str, digits))))) > DIGITS_MAX:
        raise Invalid("Attempting to store more than 38 significant digits in a Number")
    if value and not -130 <= value.adjusted() <= 125:
        raise Invalid("Number overflow or underflow")
    if not isinstance(exponent, int):
        raise Invalid("The parameter cannot be converted to a numeric value")
    return format(value.normalize(EXACT), "f") if value else "0"


def checked(value: Any) -> Value:
    """A value with its numbers as DynamoDB keeps them; Invalid for anything that is not a value."""
    if not isinstance(value, dict) or len(value) != 1:
        raise Invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
    ((kind, inner),) = value.items()
    match kind:
        case "S" if isinstance(inner, str):
            return value
        case "N":
            return {"N": number(inner)}
        case "BOOL" | "NULL" if isinstance(inner, bool):
            return value
        case "M" if isinstance(inner, dict):
            return {"M": {name: checked(one) for name, one in inner.items()}}
        case "L" if isinstance(inner, list):
            return {"L": [checked(one) for one in inner]}
    raise NotImplementedError(f"a value of kind {kind}")


# --- reading


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
    """Recursive descent over the tokens of one expression."""

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
                raise NotImplementedError(f"an attribute called without an alias: {part}")
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
def parsed_condition(text: str) -> Any:
    parser = Parser(text)
    found = parser.condition()
    if parser.left:
        raise Invalid(f'Invalid expression: Syntax error; token: "{parser.next}"')
    return found


@lru_cache(maxsize=4_096)
def parsed_update(text: str) -> tuple[tuple[str, Path, Any], ...]:
    return tuple(Parser(text).update())


# --- meaning


class Scope:
    """One item seen through a request's aliases; it remembers which of them were used."""

    def __init__(self, names: Mapping[str, str], values: Mapping[str, Value]) -> None:
        self.names, self.values = names, values
        self.used: set[str] = set()

    def path(self, path: Path) -> Path:
        resolved: list[str | int] = []
        for part in path:
            if isinstance(part, int):
                resolved.append(part)
                continue
            if part not in self.names:
                raise Invalid(f"An expression attribute name used in the document path is not defined: {part}")
            self.used.add(part)
            resolved.append(self.names[part])
        return tuple(resolved)

    def value(self, name: str) -> Value:
        if name not in self.values:
            raise Invalid(f"An expression attribute value used in expression is not defined: {name}")
        self.used.add(name)
        return self.values[name]

    def touch(self, node: Any) -> None:
        """Note every alias of an expression, also in a branch that is never evaluated."""
        if isinstance(node, tuple) and node:
            if node[0] == "path":
                self.path(node[1])
            elif node[0] == "value":
                self.value(node[1])
            else:
                for one in node[1:]:
                    self.touch(one)

    def check_all_used(self) -> None:
        for name in (*self.names, *self.values):
            if name not in self.used:
                raise Invalid(f"Value provided in an expression is unused: {name}")


def found_at(item: Item, path: Path) -> Value | None:
    value: Any = {"M": item}
    for part in path:
        if isinstance(part, str):
            value = value.get("M", {}).get(part) if isinstance(value, dict) else None
        else:
            listed = value.get("L", []) if isinstance(value, dict) else []
            value = listed[part] if part < len(listed) else None
        if value is None:
            return None
    return dict(value)


def evaluate(node: Any, item: Item, scope: Scope) -> Value | None:
    """The value of an operand, None where there is none."""
    match node:
        case ("path", path):
            return found_at(item, scope.path(path))
        case ("value", name):
            return scope.value(name)
        case ("size", one):
            value = evaluate(one, item, scope)
            return None if value is None else {"N": str(len(next(iter(value.values()))))}
        case ("list_append", first, second):
            lists = [evaluate(one, item, scope) for one in (first, second)]
            if any(one is None or "L" not in one for one in lists):
                raise Inapplicable("An operand in the update expression has an incorrect data type")
            return {"L": [*lists[0]["L"], *lists[1]["L"]]}  # type: ignore[index]
        case ("if_not_exists", ("path", path), other):
            there = found_at(item, scope.path(path))
            return there if there is not None else evaluate(other, item, scope)
        case ("+" | "-" as sign, first, second):
            numbers = [evaluate(one, item, scope) for one in (first, second)]
            if any(one is None or "N" not in one for one in numbers):
                raise Inapplicable("An operand in the update expression has an incorrect data type")
            left, right = (Decimal(one["N"]) for one in numbers)  # type: ignore[index]
            return {"N": number(str(EXACT.add(left, right if sign == "+" else -right)))}
    raise NotImplementedError(str(node))


def holds(node: Any, item: Item, scope: Scope) -> bool:
    match node:
        case ("and", first, second):
            return holds(first, item, scope) and holds(second, item, scope)
        case ("or", first, second):
            return holds(first, item, scope) or holds(second, item, scope)
        case ("not", one):
            return not holds(one, item, scope)
        case ("attribute_exists", ("path", path)):
            return found_at(item, scope.path(path)) is not None
        case ("attribute_not_exists", ("path", path)):
            return found_at(item, scope.path(path)) is None
        case ("begins_with", one, prefix):
            text, start = evaluate(one, item, scope) or {}, evaluate(prefix, item, scope) or {}
            return "S" in text and "S" in start and text["S"].startswith(start["S"])
        case ("contains", one, part):
            whole, wanted = evaluate(one, item, scope) or {}, evaluate(part, item, scope) or {}
            return wanted in whole.get("L", []) or ("S" in whole and wanted.get("S", "\0") in whole["S"])
        case ("between", one, low, high):
            value, least, most = (evaluate(each, item, scope) for each in (one, low, high))
            return _compared("<=", least, value) and _compared("<=", value, most)
        case ("in", one, *options):
            value = evaluate(one, item, scope)
            return any(_compared("=", value, evaluate(each, item, scope)) for each in options)
        case (sign, first, second) if sign in COMPARISONS:
            return _compared(sign, evaluate(first, item, scope), evaluate(second, item, scope))
    raise NotImplementedError(str(node))


def _compared(sign: str, left: Value | None, right: Value | None) -> bool:
    if sign == "<>":
        return not _compared("=", left, right)
    if left is None or right is None:
        return False
    if sign == "=":
        return left == right
    if left.keys() != right.keys() or not left.keys() <= {"S", "N"}:
        return False
    first, second = ordered(left), ordered(right)
    return bool(
        {"<": first < second, "<=": first <= second, ">": first > second, ">=": first >= second}[sign]  # type: ignore[operator]
    )


def ordered(value: Value) -> Decimal | bytes:
    """What a sort key is sorted by."""
    return Decimal(value["N"]) if "N" in value else str(value["S"]).encode()


def updated(text: str, item: Item, scope: Scope) -> Item:
    """The item after an update expression, every operand taken from the item before it."""
    actions = [(section, scope.path(path), node) for section, path, node in parsed_update(text)]
    paths = [path for _, path, _ in actions]
    for place, path in enumerate(paths):
        for other in paths[place + 1 :]:
            if path[: len(other)] == other or other[: len(path)] == path:
                raise Invalid("Invalid UpdateExpression: Two document paths overlap with each other")
    values = [None if node is None else evaluate(node, item, scope) for _, _, node in actions]
    result = item
    for (section, path, _), value in zip(actions, values, strict=True):
        if section == "SET" and value is None:
            raise Inapplicable("The provided expression refers to an attribute that does not exist in the item")
        result = _placed({"M": result}, path, value)["M"]
    return result


def _placed(container: Value, path: Path, value: Value | None) -> Value:
    """A copy with the value at the path; None takes it away."""
    part, rest = path[0], path[1:]
    if not isinstance(part, str):
        raise NotImplementedError("an update of a list's place")
    if "M" not in container:
        raise Inapplicable("The document path provided in the update expression is invalid for update")
    inner = dict(container["M"])
    if rest:
        if part not in inner:
            raise Inapplicable("The document path provided in the update expression is invalid for update")
        inner[part] = _placed(inner[part], rest, value)
    elif value is None:
        inner.pop(part, None)
    else:
        inner[part] = value
    return {"M": inner}
