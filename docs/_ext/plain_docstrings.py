"""The package's docstrings for autodoc: they are plain text with `code`, indented formulas and Args: sections.

To reStructuredText a bar or a star of a formula is markup and an indented line a quotation. So everything outside of
`code` is escaped, `code` becomes a literal, an indented formula a literal block, a section a field list.
"""

import re
import textwrap

FIELDS = {"Args": "param", "Attributes": "var", "Raises": "raises"}
SECTION = re.compile(r"(Args|Attributes|Returns|Raises):$")
RULE = re.compile(r"\|[-|]+\|")
ENTRY = re.compile(r"([\w*]+(?:, [\w*]+)*): (.*)$", re.DOTALL)


def inline(text):
    """One paragraph: `code` to literals, what would be markup in the rest escaped."""
    text = re.sub(r"^(\w\.)(?=\s|$)", "\u200b\\1", text)  # `D.` alone would begin an enumeration
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(f"`{part}`" if part.startswith("`") else re.sub(r"([*|\\`_])", r"\\\1", part) for part in parts)


def literal(lines):
    return ["::", "", *textwrap.indent(textwrap.dedent("\n".join(lines)), "    ").split("\n"), ""]


def table(lines):
    """A Markdown table, its second line the rule below the head."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    found = [".. list-table::", "   :header-rows: 1", ""]
    for row in [rows[0], *rows[2:]]:
        found += [f"   {'*' if i == 0 else ' '} - {inline(cell)}" for i, cell in enumerate(row)]
    return [*found, ""]


def blocks(lines):
    """Runs of lines that are not blank, sections with their indented lines and entries in one run."""
    block = []
    for line in lines:
        inside = block and SECTION.match(block[0]) and (not line.strip() or line.startswith(" "))
        if line.strip() or inside:
            if block and SECTION.match(block[0]) and not inside:
                yield block
                block = []
            block.append(line)
        elif block:
            yield block
            block = []
    if block:
        yield block


def section(name, lines):
    """A field list of the indented lines below `name:`."""
    body = textwrap.dedent("\n".join(lines)).strip()
    if name == "Returns":
        return [f":returns: {inline(' '.join(body.split()))}", ""]
    entries = re.split(r"\n(?=\S)", body)
    found = []
    for entry in entries:
        match = ENTRY.match(" ".join(entry.split()))
        if not match:
            raise ValueError(f"docstring section {name}: an entry is `name: text`, this is {entry!r}")
        found += [f":{FIELDS[name]} {inline(match[1])}: {inline(match[2])}"]
    return [*found, ""]


def convert(lines):
    """reStructuredText of a docstring, as lines."""
    result = []
    for block in blocks(lines):
        first = block[0].strip()
        if match := SECTION.match(first):
            result += section(match[1], block[1:])
        elif first.startswith(">>>"):
            result += [*textwrap.dedent("\n".join(block)).split("\n"), ""]
        elif len(block) > 2 and RULE.fullmatch(block[1].strip()):
            result += table(block)
        elif block[0].startswith(" "):
            result += literal(block)
        elif first.startswith("* "):
            text = re.sub(r"(?m)^\\\* ", "* ", inline("\n".join(block)))  # the stars of a list stay
            result += [*text.split("\n"), ""]
        else:
            result += [*inline("\n".join(block)).split("\n"), ""]
    return result


def process(app, what, name, obj, options, lines):
    lines[:] = convert(lines)


def setup(app):
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True}
