"""Kernels for a processor that is not at hand: compiled to AArch64 assembly, and read."""

from __future__ import annotations

import re
from functools import cache

import llvmlite.binding as llvm
import pytest

import graphc as gc
from graphc.codegen.emit import Module, emit_function
from graphc.codegen.jit import Target, assembly
from graphc.ir.graph import ExprTable
from graphc.loop.contraction import schedule_contraction
from graphc.loop.ir import Buffer, LoopFn
from graphc.loop.schedule import Machine
from graphc.loop.verify import verify_function
from graphc.ops.linalg import matmul

TRIPLE = "aarch64-unknown-linux-gnu"
ARRANGEMENT = {"float32": "4s", "float64": "2d"}


@cache
def _neon() -> Target:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        family = llvm.Target.from_triple(TRIPLE)
    except RuntimeError:
        pytest.skip("this LLVM knows no AArch64")
    with family.create_target_machine(cpu="generic", features="+neon", jit=True) as machine:
        layout = str(machine.target_data)
    return Target(
        cpu="generic", features="+neon", triple=TRIPLE, data_layout=layout, vector_bytes=16, vector_registers=32,
        has_fma=True, l1_bytes=64 << 10, l2_bytes=1 << 20, l3_bytes=8 << 20, attributes="nounwind",
    )  # fmt: skip


def _product(dtype: str, m: int, n: int, k: int) -> str:
    """The assembly of a product."""
    target = _neon()
    a, b = gc.input("a", (m, k), dtype=dtype), gc.input("b", (k, n), dtype=dtype)
    product = matmul(a, b)
    buffers = [Buffer(name, e.dtype, int(e.size)) for name, e in (("a", a), ("b", b), ("out", product))]
    inputs, into = ExprTable(zip((a, b), buffers, strict=False)), ExprTable([(product, buffers[2])])
    machine = Machine(
        target.vector_bytes, target.vector_registers, target.l1_bytes, target.l2_bytes, target.l3_bytes, threads=1
    )
    body, workspaces = schedule_contraction(product, (product,), inputs, into, machine)
    fn = LoopFn("product", tuple(buffers), workspaces, body)
    verify_function(fn)
    module = Module(has_fma=target.has_fma, attributes=target.attributes)
    emit_function(module, fn)
    return assembly(module.text().replace("define internal void @product", "define void @product"), target)


@pytest.mark.parametrize("dtype", ARRANGEMENT)
def test_a_register_block_stays_in_registers(dtype: str) -> None:
    """Its innermost loop is loads and multiply-adds of whole vectors; nothing is written, least of all to the stack."""
    text = _product(dtype, 96, 64, 200)
    loops = re.findall(r"^(\.\w+):.*\n((?:\t.*\n)+?)\tb\.\w+\t\1\n", text, re.MULTILINE)
    bodies = [body for _, body in loops if f".{ARRANGEMENT[dtype]}" in body and "fmla" in body]
    assert bodies
    for body in bodies:
        names = [line.split()[0] for line in body.splitlines() if line.startswith("\t") and not line.startswith("\t.")]
        assert not [name for name in names if name.startswith("st")], body
        assert names.count("fmla") >= len(names) / 2, body


def test_no_instruction_of_another_family() -> None:
    text = _product("float32", 37, 50, 300)
    assert "ymm" not in text
    assert "zmm" not in text
    assert re.search(r"\bfmla\tv\d+\.4s, v\d+\.4s, v\d+\.s\[\d\]", text)
