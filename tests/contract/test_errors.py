"""The catalogue of errors is the code's: every error that is raised is in it, with a text in both languages."""

import ast
import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from local.template import ROOT, Template
from shared import auth, errors
from shared.error_catalogue import CATALOGUE
from shared.errors import ApiError
from shared.http.hindi import FIELD_TEXTS, translate
from shared.images.rejections import REJECTION_TEXTS
from shared.payments import starts
from tools.openapi.components import ARGUMENTS, KINDS

TEMPLATE = Template()
ENTRIES = {(entry.status, entry.code): entry for entry in CATALOGUE}
CLASSES = {kind.__name__: kind for kind in KINDS}
FIELD_ERRORS = {"FieldError", "ValidationError"}
SOURCES = sorted(path for folder in ("shared", "functions") for path in (ROOT / folder).rglob("*.py"))


def module_of(path: Any) -> ModuleType:
    return importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


def texts_of(node: ast.AST, module: ModuleType, function: ast.AST) -> Iterator[str]:
    """The texts that an argument may be, with `{}` for values; nothing for an argument that is no text."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
        case ast.Name(id=name) if isinstance(found := getattr(module, name, None), str):
            yield found
        case ast.Name(id=name):
            for statement in ast.walk(function):
                targets = statement.targets if isinstance(statement, ast.Assign) else []
                if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                    yield from texts_of(statement.value, module, function)  # type: ignore[attr-defined]
        case ast.Subscript(value=ast.Name(id="REJECTION_TEXTS"), slice=ast.Constant(value=key)):
            yield REJECTION_TEXTS[key]


def calls(names: set[str]) -> Iterator[tuple[ast.Call, str, ModuleType, ast.AST]]:
    """Every call of these classes in the shipped code, with the function around it."""
    for path in SOURCES:
        source = path.read_text()
        if not any(f"{name}(" in source for name in names):
            continue
        module = module_of(path)
        for function in ast.walk(ast.parse(source)):
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
                    yield node, node.func.id, module, function


def raised() -> set[tuple[int, str, str]]:
    """Status, code and text of every error that the code makes with arguments of its own."""
    found = set()
    for call, name, module, function in calls({*CLASSES, "translate_rejections"} - FIELD_ERRORS):
        kind = CLASSES.get(name, errors.Conflict)
        codes = [word.value for word in call.keywords if word.arg == "code"] + call.args[1:2]
        literals = [code.value for code in codes if isinstance(code, ast.Constant) and isinstance(code.value, str)]
        code = literals[0] if literals else kind.code if name in CLASSES else "gateway_refused"
        arguments = call.args[:1] + [word.value for word in call.keywords if word.arg == "text"]
        for text in (text for argument in arguments for text in texts_of(argument, module, function)):
            is_kind = kind is errors.NotFound and call.args  # which takes the kind of object, and makes the text
            found.add((kind.status, code, "No {} matches the given query." if is_kind else text))
    return found


RAISED = raised()


def has_text(status: int, code: str, text: str) -> bool:
    entry = ENTRIES.get((status, code))
    return entry is not None and translate(text.replace("{}", "7"), entry.texts) != text.replace("{}", "7")


def test_scan_finds_the_errors_that_are_raised() -> None:
    assert len(RAISED) > 25
    assert (409, "refund_limit", "{} of this payment can be refunded.") in RAISED
    assert (413, "too_large", REJECTION_TEXTS["upload_too_large"]) in RAISED


def test_every_raised_error_is_in_the_catalogue() -> None:
    assert [error for error in sorted(RAISED) if not has_text(*error)] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_class_of_error_is_in_the_catalogue(kind: type[ApiError]) -> None:
    error = kind(*ARGUMENTS.get(kind, ()))
    assert has_text(error.status, error.code, error.text)


@pytest.mark.parametrize("rule", starts.TEXTS)
def test_every_limit_is_in_the_catalogue(rule: str) -> None:
    assert has_text(429, rule, starts.TEXTS[rule])


@pytest.mark.parametrize("kind", [auth.InvalidToken, auth.ExpiredToken], ids=lambda kind: kind.__name__)
def test_every_refusal_of_a_token_is_in_the_catalogue(kind: type[auth.InvalidToken]) -> None:
    assert has_text(401, kind.code, kind.text)


@pytest.mark.parametrize("kind", TEMPLATE.gateway_responses)
def test_every_response_of_api_gateway_is_in_the_catalogue(kind: str) -> None:
    refusal = {"code": auth.ExpiredToken.code, "detail": auth.ExpiredToken.text}
    status, headers, body = TEMPLATE.gateway_response(kind, refusal)
    text = next(iter(ENTRIES[status, headers["X-Error-Code"]].texts))
    assert text in body or "{}" in text or kind == "REQUEST_TOO_LARGE"


def test_catalogue_has_no_other_codes() -> None:
    codes = {code for _, code, _ in RAISED} | {kind.code for kind in KINDS} | set(starts.TEXTS)
    codes |= {auth.InvalidToken.code, auth.ExpiredToken.code}
    assert {entry.code for entry in CATALOGUE} == codes and len(ENTRIES) == len(CATALOGUE)


def test_only_errors_that_a_retry_can_mend_may_be_sent_again() -> None:
    for entry in CATALOGUE:
        assert (entry.retry == "same") == (entry.status in (429, 500, 503, 504)), entry.code


def test_every_text_about_a_field_has_a_translation() -> None:
    missing = set()
    for call, name, module, function in calls(FIELD_ERRORS):
        lists = call.args
        if name == "ValidationError" and call.args and isinstance(call.args[0], ast.Dict):
            lists = [item for value in call.args[0].values if isinstance(value, ast.List) for item in value.elts]
        found = {text for argument in lists for text in texts_of(argument, module, function)}
        missing |= {
            text for text in found if translate(text.replace("{}", "7"), FIELD_TEXTS) == text.replace("{}", "7")
        }
    assert missing == set()


def test_translations_use_no_value_that_the_english_text_lacks() -> None:
    pairs = [pair for entry in CATALOGUE for pair in entry.texts.items()] + list(FIELD_TEXTS.items())
    for english, hindi in pairs:
        assert hindi.count("{}") <= english.count("{}"), english
        assert any("ऀ" <= character <= "ॿ" for character in hindi), english
