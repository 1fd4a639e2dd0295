#!/usr/bin/env python3
"""Compare model.fbs, slot by slot, with the generated Python code of another implementation of the format.

    pip install ai-edge-litert flatbuffers
    python3 schema/check_wire.py [--flatc PATH]

One side is our schema as flatc understands it (`flatc --schema -b`, the reflection format, read here with nothing
but the FlatBuffers runtime). The other side is the source of `ai_edge_litert.schema_py_generated`, read as a
syntax tree. Compared are

  * every enum and union: its members, their names and numbers;
  * every table: the number of its slots, and for each slot the name, whether it is withdrawn, the scalar type and
    the default; for vectors the element's type and size; for tables which table, for unions which union;
  * the file identifier.

The Python code does not say which enum a number belongs to, nor how strictly a vector is aligned; neither changes
which bytes mean what.

flatc is the one named, else one on PATH, else the one in xtask/flatc (the first build of that takes minutes). Ends
with 1 and a list of the differences if there are any.
"""

import argparse
import ast
import importlib.metadata
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from flatbuffers import encode, number_types
from flatbuffers.table import Table

ROOT = pathlib.Path(__file__).resolve().parent.parent
NAMESPACE = "sedge.schema."
IDENTIFIER = b"TFL3"

# Scalar types, numbered as the reflection format does, by the names the Python code has for them.
SCALARS = {
    1: "Uint8",  # the tag of a union
    2: "Bool",
    3: "Int8",
    4: "Uint8",
    5: "Int16",
    6: "Uint16",
    7: "Int32",
    8: "Uint32",
    9: "Int64",
    10: "Uint64",
    11: "Float32",
    12: "Float64",
}
STRING, VECTOR, TABLE, UNION = 13, 14, 15, 16


# ---- our side ---------------------------------------------------------------------------------------------------


class Node:
    """A table of the reflection format, its fields by slot number."""

    def __init__(self, buf, pos):
        self.tab = Table(buf, pos)

    def at(self, slot):
        offset = self.tab.Offset(4 + 2 * slot)
        return offset and offset + self.tab.Pos

    def number(self, slot, flags, default=0):
        at = self.at(slot)
        return self.tab.Get(flags, at) if at else default

    def text(self, slot):
        at = self.at(slot)
        return self.tab.String(at).decode() if at else ""

    def node(self, slot):
        at = self.at(slot)
        return Node(self.tab.Bytes, self.tab.Indirect(at)) if at else None

    def nodes(self, slot):
        offset = self.tab.Offset(4 + 2 * slot)
        if not offset:
            return []
        start = self.tab.Vector(offset)
        return [Node(self.tab.Bytes, self.tab.Indirect(start + 4 * i)) for i in range(self.tab.VectorLen(offset))]


def short(name):
    assert name.startswith(NAMESPACE), name
    return name.removeprefix(NAMESPACE)


def camel(name):
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def ours(bfbs):
    """(enums, tables, identifier) of a schema in the reflection format."""
    i8, i32, i64 = number_types.Int8Flags, number_types.Int32Flags, number_types.Int64Flags
    u8, u16, f64 = number_types.Uint8Flags, number_types.Uint16Flags, number_types.Float64Flags
    schema = Node(bfbs, encode.Get(number_types.UOffsetTFlags.packer_type, bfbs, 0))
    object_nodes, enum_nodes = schema.nodes(0), schema.nodes(1)
    object_names = [short(node.text(0)) for node in object_nodes]
    enum_names = [short(node.text(0)) for node in enum_nodes]

    enums = {}
    for name, node in zip(enum_names, enum_nodes):
        enums[name] = {value.text(0): value.number(1, i64) for value in node.nodes(1)}

    tables = {}
    for name, node in zip(object_names, object_nodes):
        assert not node.number(2, u8), f"{name} is a struct"
        slots = {}
        for field in node.nodes(1):
            kind = field.node(1)
            base, element, index = kind.number(0, i8), kind.number(1, i8), kind.number(2, i32, -1)
            default = None
            if base in SCALARS:
                what = SCALARS[base]
                default = field.number(5, f64) if what.startswith("Float") else field.number(4, i64)
            elif base == STRING:
                what = "string"
            elif base == TABLE:
                what = object_names[index]
            elif base == UNION:
                what = "union " + enum_names[index]
            elif base == VECTOR and element in SCALARS:
                what = f"[{SCALARS[element]}]"
            elif base == VECTOR and element == TABLE:
                what = f"[{object_names[index]}]"
            else:
                raise SystemExit(f"{name}.{field.text(0)}: a type this script does not know ({base}, {element})")
            withdrawn = bool(field.number(6, u8))
            slots[field.number(2, u16)] = None if withdrawn else (camel(field.text(0)), what, default)
        tables[name] = slots
    return enums, tables, schema.text(2).encode()


# ---- their side -------------------------------------------------------------------------------------------------


def calls(tree):
    """(dotted name, arguments) of every call in a syntax tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.args


def flags_of(node):
    name = ast.unparse(node).rpartition(".")[2]
    assert name.endswith("Flags"), name
    return name.removesuffix("Flags")


def read_type(method, tables, unions, owner, field):
    """What an accessor method gives back, from the calls it makes."""
    made = list(calls(method))
    names = [name for name, _ in made]
    vector = "self._tab.Vector" in names
    for name, args in made:
        if name == "self._tab.Get":
            what = flags_of(args[0])
            return f"[{what}]" if vector else what
        if name == "self._tab.String":
            return "[string]" if vector else "string"
        if name == "self._tab.Union":
            return "union " + unions[owner, field]
        if name in tables:
            return f"[{name}]" if vector else name
    raise SystemExit(f"{owner}.{field}: cannot tell its type")


def last_return(method):
    return ast.literal_eval(method.body[-1].value)


def theirs(path):
    """(enums, tables, identifier, problems within the code itself) of generated Python code."""
    tree = ast.parse(path.read_text())
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    methods = {
        name: {node.name: node for node in cls.body if isinstance(node, ast.FunctionDef)}
        for name, cls in classes.items()
    }
    tables = {name for name in classes if "GetRootAs" in methods[name]}
    problems = []

    enums = {}
    for name, cls in classes.items():
        if not methods[name]:
            enums[name] = {node.targets[0].id: ast.literal_eval(node.value) for node in cls.body
                           if isinstance(node, ast.Assign)}

    # The object API is the only place that ties a union's field to the union. The same goes for a union's tag
    # and the table it stands for.
    unions = {}
    for name in tables:
        for made, args in calls(classes[name + "T"]):
            if made.endswith("Creator"):
                unions[name, ast.unparse(args[1]).split("(")[0].rpartition(".")[2]] = made.removesuffix("Creator")
    for union in set(unions.values()):
        pairs = {}
        for node in ast.walk(functions[union + "Creator"]):
            if isinstance(node, ast.If) and isinstance(node.test, ast.Compare):
                for made, _ in calls(node.body[0]):
                    if made.endswith("T.InitFromBuf"):
                        pairs[ast.unparse(node.test.comparators[0]).rpartition(".")[2]] = made[: -len("T.InitFromBuf")]
        for member in enums[union]:
            if member != "NONE" and pairs.get(member) != member:
                problems.append(f"union {union}: {member} stands for {pairs.get(member)}")

    found, identifiers, writers = {}, set(), set()
    for name in tables:
        (_, (count,)), = [c for c in calls(functions[name + "Start"]) if c[0] == "builder.StartObject"]
        slots = dict.fromkeys(range(ast.literal_eval(count)))
        for field, method in methods[name].items():
            add = functions.get(f"{name}Add{field}")
            if add is None:
                if field.endswith("BufferHasIdentifier"):
                    identifiers |= {node.value for node in ast.walk(method)
                                    if isinstance(node, ast.Constant) and isinstance(node.value, bytes)}
                continue
            writers.add(add.name)
            ((prepend, args),) = [c for c in calls(add) if c[0].startswith("builder.Prepend")]
            stored = prepend.removeprefix("builder.Prepend").removesuffix("Slot")
            slot, default = ast.literal_eval(args[0]), ast.literal_eval(args[2])
            what = read_type(method, tables, unions, name, field)

            offsets = {ast.literal_eval(a[0]) for n, a in calls(method) if n == "self._tab.Offset"}
            if offsets != {4 + 2 * slot}:
                problems.append(f"{name}.{field}: written to slot {slot}, read at {offsets}")
            if stored == "UOffsetTRelative":
                default = None
                if what.startswith("["):
                    start = functions[f"{name}Start{field}Vector"]
                    ((_, sizes),) = [c for c in calls(start) if c[0] == "builder.StartVector"]
                    kind = what[1:-1]
                    flags = getattr(number_types, kind + "Flags", number_types.UOffsetTFlags)
                    if ast.literal_eval(sizes[0]) != flags.bytewidth:
                        problems.append(f"{name}.{field}: {what} with elements of {ast.unparse(sizes[0])} bytes")
            else:
                if stored != what:
                    problems.append(f"{name}.{field}: written as {stored}, read as {what}")
                if last_return(method) != default:
                    problems.append(f"{name}.{field}: written with default {default}, read with another")
            slots[slot] = (field, what, default)
        found[name] = slots
    for name, function in functions.items():
        if name not in writers and any(made.endswith("Slot") for made, _ in calls(function)):
            problems.append(f"{name} writes a field that nothing reads")
    if len(identifiers) != 1:
        problems.append(f"file identifiers {identifiers}")
    return enums, found, next(iter(identifiers), b""), problems


# ---- the comparison ---------------------------------------------------------------------------------------------


def differences(ours_side, theirs_side):
    our_enums, our_tables, our_identifier = ours_side
    their_enums, their_tables, their_identifier, problems = theirs_side
    yield from problems
    if not our_identifier == their_identifier == IDENTIFIER:
        yield f"file identifier: {our_identifier} here, {their_identifier} there"
    for kind, here, there in (("enum", our_enums, their_enums), ("table", our_tables, their_tables)):
        for name in sorted(here.keys() | there.keys()):
            if name not in there:
                yield f"{kind} {name}: only here"
            elif name not in here:
                yield f"{kind} {name}: only there"
            else:
                for key in sorted(here[name].keys() | there[name].keys(), key=str):
                    a, b = here[name].get(key, "absent"), there[name].get(key, "absent")
                    if a != b:
                        yield f"{kind} {name}, {key}: {a} here, {b} there"


def compile_schema(flatc):
    if flatc:
        command = [flatc]
    elif shutil.which("flatc"):
        command = ["flatc"]
    else:
        target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "flatc"
        command = ["cargo", "run", "--quiet", "--release", "--locked", "--target-dir", target]
        command += ["--manifest-path", ROOT / "xtask/flatc/Cargo.toml", "--"]
    with tempfile.TemporaryDirectory() as out:
        subprocess.run([*command, "--schema", "-b", "-o", out, ROOT / "schema/model.fbs"], check=True)
        return (pathlib.Path(out) / "model.bfbs").read_bytes()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flatc", help="the flatc to run")
    options = parser.parse_args()

    package = importlib.util.find_spec("ai_edge_litert")
    if package is None:
        raise SystemExit("ai-edge-litert is not installed")
    generated = pathlib.Path(package.submodule_search_locations[0]) / "schema_py_generated.py"

    here, there = ours(compile_schema(options.flatc)), theirs(generated)
    found = list(differences(here, there))
    for line in found:
        print(line)
    enums, tables, _ = here
    print(
        f"{len(enums)} enums and unions with {sum(map(len, enums.values()))} members, "
        f"{len(tables)} tables with {sum(map(len, tables.values()))} slots, "
        f"against ai-edge-litert {importlib.metadata.version('ai-edge-litert')}: {len(found)} differences"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
