"""Rules for the source of `shared/` and `functions/`: no code from text, no floats in money, safe comparison."""

import ast
from pathlib import Path

import pytest

from local.template import ROOT

NEVER_CALLED = {"eval", "exec", "print", "breakpoint"}
NEVER_IMPORTED = {"pickle", "marshal", "subprocess"}
# Modules and packages with amounts or signatures: a float would round, and `==` would leak a signature by its timing.
EXACT = {"audit", "dynamodb", "models", "money", "payments", "razorpay", "wallets"}
SOURCES = [path for folder in ("shared", "functions") for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_shipped_code_neither_runs_text_nor_rounds_money(path: Path) -> None:
    is_exact = not EXACT.isdisjoint(path.relative_to(ROOT).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in NEVER_CALLED | ({"float"} if is_exact else set())
        if isinstance(node, ast.Import):
            assert not {alias.name for alias in node.names} & NEVER_IMPORTED
        if isinstance(node, ast.ImportFrom):
            assert node.module not in NEVER_IMPORTED
        if isinstance(node, ast.Compare) and is_exact:
            sides = [ast.unparse(side) for side in (node.left, *node.comparators)]
            assert not [side for side in sides if side == "signature" or side.endswith(".signature")], (
                "compare_digest"
            )
