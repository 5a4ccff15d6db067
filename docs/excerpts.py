"""Keeps code in the docs equal to the source.

A comment `<!-- excerpt: path symbol -->` stands before a fenced block; the block is the source of that symbol.
`python docs/excerpts.py` rewrites every block; the test suite calls `stale()` and fails if that would change anything.
"""

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXCERPT = re.compile(r"<!-- excerpt: (\S+) (\S+) -->\n```python\n(.*?)```\n", re.DOTALL)


def source_of(path: str, symbol: str) -> str:
    """The source of a dotted symbol in a file, dedented. Raises LookupError where there is none."""
    text = (ROOT / path).read_text(encoding="utf-8")
    node: ast.AST = ast.parse(text)
    for name in symbol.split("."):
        node = _child(node, name, f"{symbol} in {path}")
    decorators = [one.lineno for one in getattr(node, "decorator_list", [])]
    first = min([node.lineno, *decorators]) if isinstance(node, ast.stmt) else 1
    last = node.end_lineno if isinstance(node, ast.stmt) else 1
    return textwrap.dedent("\n".join(text.splitlines()[first - 1 : last])) + "\n"


def _child(node: ast.AST, name: str, wanted: str) -> ast.stmt:
    for child in ast.iter_child_nodes(node):
        named = getattr(child, "name", None)
        targets = child.targets if isinstance(child, ast.Assign) else []
        if isinstance(child, ast.stmt) and (
            named == name or any(isinstance(one, ast.Name) and one.id == name for one in targets)
        ):
            return child
    raise LookupError(f"there is no {wanted}")


def refreshed(text: str) -> str:
    """The page with every excerpt as the source has it now."""
    return EXCERPT.sub(
        lambda match: f"<!-- excerpt: {match[1]} {match[2]} -->\n```python\n{source_of(match[1], match[2])}```\n", text
    )


def stale() -> Iterator[Path]:
    """Every page that an excerpt has left behind."""
    for page in sorted((ROOT / "docs").rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        if refreshed(text) != text:
            yield page


if __name__ == "__main__":
    for page in list(stale()):
        page.write_text(refreshed(page.read_text(encoding="utf-8")), encoding="utf-8")
        print(f"refreshed {page.relative_to(ROOT)}")
