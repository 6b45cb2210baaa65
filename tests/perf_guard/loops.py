# SPDX-License-Identifier: Apache-2.0
"""The loops of compiled x86-64 functions, as objdump shows them: how many instructions a loop has, how many of them
multiply and accumulate, and how many touch the stack. Not a test itself.

A loop is what a backward jump within a function closes, from the target to the jump; it is innermost when no other lies
within it. That is how compilers lay loops out, not a proof; cold parts outside are not seen, as is wanted."""
import re
import subprocess

# Multiply and accumulate: fp32, then integers and bf16. vpmaddubsw and vpmaddwd multiply and add pairs.
MAC = re.compile(r"v?(fn?m(add|sub)\d+ps|pdpbusds?|pdpwssds?|pdpb[su][su]ds?|pmaddwd|dpbf16ps)$")
JUMP = re.compile(r"j[a-z]+$")
LINE = re.compile(r"^\s*([0-9a-f]+):\t(\S+)(?:\s+(.*?))?\s*$")
FUNCTION = re.compile(r"^[0-9a-f]+ <([^>]+)>:$")
MEMORY = re.compile(r"\(([^)]*)\)")
WRITES = re.compile(r"(%\w+)$")  # AT&T: the last operand is the one that is written


class Loop:
    def __init__(self, begin, end, lines):
        self.begin, self.end, self.lines = begin, end, lines
        self.instructions = len(lines)
        self.macs = sum(bool(MAC.match(name)) for _, name, _ in lines)
        self.stack = []  # the lines that touch the stack


def functions(path):
    """{name: [(address, mnemonic, operands), ...]} of an object file."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", "-M", "att", path], check=True, capture_output=True,
                          text=True).stdout
    found, lines = {}, None
    for line in text.splitlines():
        if match := FUNCTION.match(line):
            lines = found.setdefault(match[1], [])
        elif lines is not None and (match := LINE.match(line)):
            name, operands = match[2], match[3] or ""
            while name in ("rep", "repz", "repnz", "lock", "notrack", "bnd", "data16", "{vex}"):
                name, _, operands = operands.partition(" ")
            lines.append((int(match[1], 16), name, operands.split("#")[0].strip()))
    return found


def written(name, operands):
    """The 64-bit name of the general register that the instruction writes, or None."""
    if name.startswith(("cmp", "test", "j", "push", "nop", "ret", "call", "prefetch")):
        return None
    match = WRITES.search(operands)
    return wide(match[1]) if match else None


def wide(register):
    name = register.lstrip("%")
    if re.fullmatch(r"r\d+[dwb]?", name):
        return "%" + re.match(r"r\d+", name)[0]
    match = re.fullmatch(r"[re]?([abcd])x|([abcd])l|[re]?(si|di|bp|sp)l?", name)
    if match is None:
        return None
    return "%r" + (next(g for g in match.groups() if g) + ("x" if match[1] or match[2] else ""))


def stack_lines(lines, begin, end):
    """Lines of the loop that read or write the stack: through rsp, through rbp where that is the frame, and through a
    register that was last made from one of these before the loop."""
    frame = any(name == "mov" and operands == "%rsp,%rbp" for _, name, operands in lines)
    pointers = {"%rsp"} | ({"%rbp"} if frame else set())
    base = set(pointers)
    for address, name, operands in lines:
        if address >= begin:
            break
        target = written(name, operands)
        if target is None or target in base:
            continue
        source = MEMORY.search(operands)
        if name == "lea":
            made = source is not None and any(r in pointers for r in re.findall(r"%\w+", source[1])[:1])
        else:
            made = name == "mov" and operands.split(",")[0] in pointers
            made = made or (target in pointers and name in ("add", "sub", "and", "addq", "subq"))
        (pointers.add if made else pointers.discard)(target)
    touching = []
    for line in lines:
        address, name, operands = line
        if not begin <= address <= end or name in ("lea", "nop", "nopw", "nopl"):
            continue
        if any(r in pointers for where in MEMORY.findall(operands) for r in re.findall(r"%\w+", where)):
            touching.append(line)
    return touching


def innermost(lines):
    """Innermost loops that multiply and accumulate, in the order of their addresses."""
    known = {address for address, _, _ in lines}
    spans = set()
    for address, name, operands in lines:
        if JUMP.match(name) and (match := re.match(r"([0-9a-f]+)\b", operands)):
            target = int(match[1], 16)
            if target in known and target <= address:
                spans.add((target, address))
    found = []
    for begin, end in sorted(spans):
        if any((b, e) != (begin, end) and begin <= b and e <= end for b, e in spans):
            continue
        loop = Loop(begin, end, [line for line in lines if begin <= line[0] <= end])
        loop.stack = stack_lines(lines, begin, end)
        if loop.macs > 0:
            found.append(loop)
    return found
