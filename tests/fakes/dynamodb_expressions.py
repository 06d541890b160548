"""The evaluation of DynamoDB's expressions on an item: conditions and updates."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tests.fakes.dynamodb_parser import COMPARISONS, parse_update
from tests.fakes.dynamodb_values import EXACT, Inapplicable, Invalid, Item, Path, Value, number


class Scope:
    """A request's aliases of names and values; it records which of them were used."""

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
        """Record every alias of an expression, also in a branch that is never evaluated."""
        if isinstance(node, tuple) and node:
            if node[0] == "path":
                self.path(node[1])
            elif node[0] == "value":
                self.value(node[1])
            else:
                for operand in node[1:]:
                    self.touch(operand)

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
    """The value of an operand, None if it does not exist."""
    match node:
        case ("path", path):
            return found_at(item, scope.path(path))
        case ("value", name):
            return scope.value(name)
        case ("size", operand):
            value = evaluate(operand, item, scope)
            return None if value is None else {"N": str(len(next(iter(value.values()))))}
        case ("list_append", first, second):
            lists = [evaluate(operand, item, scope) for operand in (first, second)]
            if any(operand is None or "L" not in operand for operand in lists):
                raise Inapplicable("An operand in the update expression has an incorrect data type")
            return {"L": [*lists[0]["L"], *lists[1]["L"]]}  # type: ignore[index]
        case ("if_not_exists", ("path", path), other):
            existing = found_at(item, scope.path(path))
            return existing if existing is not None else evaluate(other, item, scope)
        case ("+" | "-" as sign, first, second):
            numbers = [evaluate(operand, item, scope) for operand in (first, second)]
            if any(operand is None or "N" not in operand for operand in numbers):
                raise Inapplicable("An operand in the update expression has an incorrect data type")
            left, right = (Decimal(operand["N"]) for operand in numbers)  # type: ignore[index]
            return {"N": number(str(EXACT.add(left, right if sign == "+" else -right)))}
    raise NotImplementedError(str(node))


def holds(node: Any, item: Item, scope: Scope) -> bool:
    match node:
        case ("and", first, second):
            return holds(first, item, scope) and holds(second, item, scope)
        case ("or", first, second):
            return holds(first, item, scope) or holds(second, item, scope)
        case ("not", operand):
            return not holds(operand, item, scope)
        case ("attribute_exists", ("path", path)):
            return found_at(item, scope.path(path)) is not None
        case ("attribute_not_exists", ("path", path)):
            return found_at(item, scope.path(path)) is None
        case ("begins_with", operand, prefix):
            text, start = evaluate(operand, item, scope) or {}, evaluate(prefix, item, scope) or {}
            return "S" in text and "S" in start and text["S"].startswith(start["S"])
        case ("contains", operand, part):
            whole, wanted = evaluate(operand, item, scope) or {}, evaluate(part, item, scope) or {}
            return wanted in whole.get("L", []) or ("S" in whole and wanted.get("S", "\0") in whole["S"])
        case ("between", operand, low, high):
            value, lowest, highest = (evaluate(part, item, scope) for part in (operand, low, high))
            return _compare("<=", lowest, value) and _compare("<=", value, highest)
        case ("in", operand, *options):
            value = evaluate(operand, item, scope)
            return any(_compare("=", value, evaluate(option, item, scope)) for option in options)
        case (sign, first, second) if sign in COMPARISONS:
            return _compare(sign, evaluate(first, item, scope), evaluate(second, item, scope))
    raise NotImplementedError(str(node))


def _compare(sign: str, left: Value | None, right: Value | None) -> bool:
    if sign == "<>":
        return not _compare("=", left, right)
    if left is None or right is None:
        return False
    if sign == "=":
        return left == right
    if left.keys() != right.keys() or not left.keys() <= {"S", "N"}:
        return False
    first, second = sort_value(left), sort_value(right)
    return bool(
        {"<": first < second, "<=": first <= second, ">": first > second, ">=": first >= second}[sign]  # type: ignore[operator]
    )


def sort_value(value: Value) -> Decimal | bytes:
    """The Python value by which a sort key is sorted."""
    return Decimal(value["N"]) if "N" in value else str(value["S"]).encode()


def apply_update(text: str, item: Item, scope: Scope) -> Item:
    """The item after an update expression; every operand has its value from before the update."""
    actions = [(section, scope.path(path), node) for section, path, node in parse_update(text)]
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
        result = _with_value({"M": result}, path, value)["M"]
    return result


def _with_value(container: Value, path: Path, value: Value | None) -> Value:
    """A copy with the value at the path; None removes it."""
    part, rest = path[0], path[1:]
    if not isinstance(part, str):
        raise NotImplementedError("an update of a list's element")
    if "M" not in container:
        raise Inapplicable("The document path provided in the update expression is invalid for update")
    inner = dict(container["M"])
    if rest:
        if part not in inner:
            raise Inapplicable("The document path provided in the update expression is invalid for update")
        inner[part] = _with_value(inner[part], rest, value)
    elif value is None:
        inner.pop(part, None)
    else:
        inner[part] = value
    return {"M": inner}
