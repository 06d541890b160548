"""Edits of the source of packages, so that what few users need waits for its first use."""

import ast
from collections.abc import Mapping

LOADER = '''

def __getattr__(name):
    """The build made these imports lazy."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module, attribute = _LAZY[name]
    value = globals()[name] = getattr(importlib.import_module(module, __package__), attribute)
    return value
'''
LATER_PATTERN = '''
class _LaterPattern:
    """The build made this pattern compile at its first use. A text without what it needs does not match."""

    def __init__(self, needed, *pattern):
        self._needed, self._pattern = needed, pattern

    def __getattr__(self, name):
        return getattr(re.compile(*self._pattern), name)

    def match(self, text):
        return re.compile(*self._pattern).match(text) if self._needed in text else None

'''


def with_lazy_imports(source: str) -> str:
    """The source of a package, whose `from x import y` happen when somebody asks the package for y.

    Names that the package uses itself are still imported at once.
    """
    tree = ast.parse(source)
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module != "__future__"]
    rest = [node for node in tree.body if node not in imports]
    used = {node.id for statement in rest for node in ast.walk(statement) if isinstance(node, ast.Name)}
    lazy: dict[str, tuple[str, str]] = {}
    lines = source.splitlines()
    for node in reversed(imports):
        module = "." * node.level + (node.module or "")
        at_once = []
        for alias in node.names:
            if (alias.asname or alias.name) in used:
                at_once.append(ast.unparse(ast.ImportFrom(node.module, [alias], node.level)))
            else:
                lazy[alias.asname or alias.name] = module, alias.name
        assert node.end_lineno
        lines[node.lineno - 1 : node.end_lineno] = at_once
    if not lazy:
        return source
    table = "".join(f"    {name!r}: {place!r},\n" for name, place in sorted(lazy.items()))
    return "\n".join(lines).rstrip() + f"\n\n_LAZY = {{\n{table}}}\n" + LOADER


def with_later_patterns(source: str, patterns: Mapping[str, str]) -> str:
    """The source of a module, whose `NAME = re.compile(...)` compile when they are first used.

    `patterns` maps their names to what a text needs for a match.
    """
    if "_LaterPattern" in source:
        return source
    lines = source.splitlines(keepends=True)
    found = {}
    for node in ast.parse(source).body:
        match node:
            case ast.Assign([ast.Name(name)], ast.Call(ast.Attribute(ast.Name("re"), "compile"))) if name in patterns:
                found[name] = node
    if missing := patterns.keys() - found.keys():
        raise ValueError(f"no such patterns: {', '.join(sorted(missing))}")
    for name, node in found.items():
        line = lines[node.lineno - 1]
        if "re.compile(" not in line:
            raise ValueError(f"the pattern {name} begins on another line than its name")
        lines[node.lineno - 1] = line.replace("re.compile(", f"_LaterPattern({patterns[name]!r}, ", 1)
    first = min(node.lineno for node in found.values()) - 1
    return "".join([*lines[:first], LATER_PATTERN.lstrip(), *lines[first:]])


def with_later_import(source: str, module: str, function: str) -> str:
    """The source of a module, which imports this function from another module when it calls it."""
    statement = f"from {module} import {function}\n"
    later = f"def {function}(*arguments):\n    {statement}\n    return {function}(*arguments)\n"
    if later in source:
        return source
    if f"\n{statement}" not in source:
        raise ValueError(f"no such import: {statement}")
    return source.replace(f"\n{statement}", f"\n{later}", 1)


def with_modules(source: str, modules: tuple[str, ...]) -> str:
    """The source of a package that imports these of its modules alone; its `__all__` goes, too."""
    statements = [node for node in ast.parse(source).body if isinstance(node, ast.ImportFrom)]
    kept = [node for node in statements if node.module in modules]
    if missing := set(modules) - {node.module for node in kept}:
        raise ValueError(f"no such modules: {', '.join(sorted(missing))}")
    return "".join(f"{ast.unparse(node)}\n" for node in kept)
