"""The page of all rules, from the tables: `python docs/rules_page.py > rules.md`."""

from collections import defaultdict

from adtransform.ir import Const
from adtransform.rules.table import RULES, TRANSPOSES, Pattern, Rule

HEAD = """# Rules

Generated from the tables. A row is the differential of one function, as a textbook prints it: `u`, `v`, `w` are the
differentiable operands, `du`, `dv`, `dw` their differentials, `y` the result. Forward mode computes the row; reverse mode
sends an adjoint backwards through it, which needs for each *linear* operation how it is transposed (last section).
"""
SYMBOLS = {
    "add": "{} + {}",
    "sub": "{} - {}",
    "mul": "{} * {}",
    "truediv": "{} / {}",
    "floordiv": "{} // {}",
    "mod": "{} % {}",
    "pow": "{} ** {}",
    "matmul": "{} @ {}",
    "neg": "-{}",
    "pos": "+{}",
}


def call(op: str, pattern: Pattern) -> str:
    """The left side as it is called."""
    module, _, name = op.rpartition(".")
    if module == "operator" and name in SYMBOLS:
        return SYMBOLS[name].format(*pattern.operands)
    keywords = [f"{k}={v.value!r}" if isinstance(v, Const) else f"{k}={v}" for k, v in pattern.keywords.items()]
    results = "" if pattern.results == ("y",) else f"{', '.join(pattern.results)} = "
    return f"{results}{name or op}({', '.join([*pattern.operands, *keywords])})"


def row(op: str, rule: Rule) -> str:
    """A row of the table, or a block for a differential that is a function."""
    return f"| `{call(op, rule.pattern)}` | `{rule.text.replace('|', chr(92) + '|')}` |"


def text() -> str:
    """The whole page."""
    parts = [HEAD]
    sections: dict[str, list[str]] = defaultdict(list)
    for op in sorted(RULES):
        sections[op.rpartition(".")[0]].append(op)
    for module, ops in sorted(sections.items(), key=lambda item: (not item[0], item[0])):
        parts.append(f"## {f'`{module}`' if module else 'Within the representation'}\n")
        lines = [row(op, r) for op in ops for r in RULES[op] if not r.constant and not r.text.startswith("def ")]
        if lines:
            parts.append("| function | differential |\n|---|---|\n" + "\n".join(lines) + "\n")
        blocks = [(op, r) for op in ops for r in RULES[op] if r.text.startswith("def ")]
        parts += [f"`{call(op, r.pattern)}`:\n\n```python\n{r.text}\n```\n" for op, r in blocks]
        constant = [f"`{op.rpartition('.')[2]}`" for op in ops if all(r.constant for r in RULES[op])]
        if constant:
            parts.append(f"Without a derivative (zero everywhere): {', '.join(constant)}.\n")
    lines = [
        f"| `{call(op, t.pattern)}` | `{t.operand}` | `{t.text.replace('|', chr(92) + '|')}` |"
        for op in sorted(TRANSPOSES)
        for t in TRANSPOSES[op]
    ]
    parts.append("## Transposes\n\nThe share of operand `a` of a linear operation, `bar` being the adjoint of its result.\n")
    parts.append("| operation | operand | share |\n|---|---|---|\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    print(text(), end="")
