"""Programs out of the cache: the same bits without compiling, and never another graph's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from strategies import GraphCase, graphs

import graphc as gc
from graphc.codegen import store
from graphc.compiler import cache
from graphc.compiler.options import Options

Array = np.ndarray[Any, Any]


def was_found(f: gc.Function) -> bool:
    """Whether the latest program of a function was in the cache."""
    assert f._latest is not None
    return "llvm" not in f._latest.seconds


def _step(name: str = "x", **options: Any) -> tuple[gc.Function, list[gc.Expr]]:
    """A training step with constants, one of which only rewriting makes."""
    x = gc.input(name, (8, 5))
    w = gc.param(f"{name}.w", np.linspace(-1, 1, 20, dtype=np.float32).reshape(5, 4))
    b = gc.param(f"{name}.b", np.zeros(4, np.float32))
    given = gc.constant(np.linspace(0, 1, 32, dtype=np.float32).reshape(8, 4))
    made = gc.exp(gc.constant(np.linspace(-1, 0, 32, dtype=np.float32).reshape(8, 4)))
    out = gc.tanh(x @ w + b) * given + made
    loss = gc.mean(gc.square(out))
    dw, db = gc.grad(loss, [w, b])
    step = gc.compile([x], {"loss": loss, "out": [out]}, updates={b: b - 0.1 * db, w: w - 0.1 * dw}, **options)
    return step, [w, b]


def _ran(f: gc.Function, params: list[gc.Expr], *args: Array) -> bytes:
    results = [f(*args) for _ in range(3)]
    arrays = [leaf for r in results for leaf in _leaves(r)] + [p.value for p in params]
    return b"".join(a.tobytes() for a in arrays)


def _leaves(result: Any) -> Iterator[Array]:
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, (list, tuple)):
        for part in result:
            yield from _leaves(part)
    else:
        yield result


DATA = np.linspace(-2, 2, 40, dtype=np.float32).reshape(8, 5)


def test_a_found_program_gives_the_same_bits(cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = _step(), _step("z")
    assert not was_found(first[0]) and was_found(second[0])
    monkeypatch.setenv("GRAPHC_CACHE", "0")
    without = _step()
    assert not was_found(without[0])
    assert _ran(*first, DATA) == _ran(*second, DATA) == _ran(*without, DATA)


@settings(max_examples=25, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(graphs())
def test_random_graphs_are_found_again_and_never_taken_for_others(cache_folder: Path, case: GraphCase) -> None:
    found = []
    for mode in ("0", "1", "1"):
        os.environ["GRAPHC_CACHE"] = mode
        f = gc.compile(case.inputs, case.outputs)
        found.append([a.tobytes() for a in f(*case.arrays)])
    os.environ.pop("GRAPHC_CACHE")
    assert was_found(f)
    assert found[0] == found[1] == found[2]


def test_constants_that_the_graph_has_are_not_kept_again(cache_folder: Path) -> None:
    numbers = np.random.default_rng(0).standard_normal(100_000).astype(np.float32)

    def build() -> gc.Function:
        x = gc.input("x", (100_000,))
        return gc.compile([x], x * gc.constant(numbers))

    found = [build()(numbers) for _ in range(2)]
    np.testing.assert_array_equal(found[0], numbers * numbers)
    np.testing.assert_array_equal(found[1], numbers * numbers)
    assert sum(file.stat().st_size for file in cache_folder.iterdir()) < 100_000


def test_what_a_found_program_was_made_from_can_be_looked_at(cache_folder: Path) -> None:
    cold, warm = _step()[0], _step()[0]
    assert was_found(warm)
    for stage in ("graph", "kernels", "loops", "llvm", "asm"):
        assert cold.dump(stage) == warm.dump(stage)
    assert [k.name for k in cold.kernels] == [k.name for k in warm.kernels]
    before, after = cold.report(), warm.report()
    assert {"llvm", "simplify"} <= set(before.seconds) and set(after.seconds) == {"target", "cache", "load"}
    for fact in ("nodes_before", "nodes_after", "rules", "kernels", "arena_bytes", "object_bytes", "param_bytes"):
        assert getattr(before, fact) == getattr(after, fact), fact
    assert was_found(warm)


def test_results_in_every_structure_and_probes_are_found_too(cache_folder: Path) -> None:
    def build(name: str) -> list[Any]:
        x = gc.input("x", (3,))
        seen = gc.probe(gc.exp(x), name)
        structures = [seen, [seen], (seen, x + 1), {"a": seen, "b": x * 2}, {"a": [seen, (x,)]}]
        functions = [gc.compile([x], s) for s in structures] + [gc.compile([x], [x + 1, (x,)])]
        results = [f(np.zeros(3, np.float32)) for f in functions]
        assert all(f.probes[name].tolist() == [1, 1, 1] for f in functions[:-1])
        return [*map(str, results), *map(was_found, functions)]

    cold, warm = build("h"), build("k")
    assert cold[:6] == warm[:6]
    assert not cold[6] and all(warm[6:])


def test_each_size_has_an_entry_of_its_own(cache_folder: Path) -> None:
    def build() -> tuple[gc.Function, gc.Function]:
        x = gc.input("x", ("n", 3))
        return gc.compile([x], gc.sum(gc.exp(x), axis=0)), gc.compile([x], gc.size(x, 0))

    for expected in (False, True):
        total, size = build()
        for n in (2, 7, 0):
            data = np.zeros((n, 3), np.float32)
            assert total(data).tolist() == [n, n, n] and size(data) == n
            assert was_found(total) is was_found(size) is expected
    assert build()[0](np.zeros((8, 3), np.float32)).tolist() == [8, 8, 8]


def test_what_is_made_for_each_number_of_rows_is_found(cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without asking again whether it could be made for any."""
    for expected in (False, True):
        x = gc.input("x", ("n", 3))
        f = gc.compile([x], gc.flip(gc.exp(x), axis=0))
        if expected:
            monkeypatch.setattr(f, "_made", None)
        for n in (4, 7):
            assert f(np.zeros((n, 3), np.float32)).tolist() == [[1, 1, 1]] * n
            assert was_found(f) is expected


def test_a_traced_function_is_found(cache_folder: Path) -> None:
    for expected in (False, True):
        f = gc.jit(lambda x, y: gc.sin(x) + y * 2)
        ones = np.ones(3, np.float32)
        np.testing.assert_allclose(f(ones, ones), np.sin(1) + 2, rtol=1e-6)
        np.testing.assert_allclose(f(ones, ones), np.sin(1) + 2, rtol=1e-6)
        assert was_found(f.function(ones, ones)) is expected


def test_a_found_program_that_checks_says_what_was_wrong(cache_folder: Path) -> None:
    for expected in (False, True):
        x = gc.input("x", (3,))
        f = gc.compile([x], gc.sum(gc.log(gc.exp(x) - 1)), check=True)
        assert was_found(f) is expected
        with pytest.raises(gc.GraphcError, match=r"(?s)log made -inf.*test_cache\.py"):
            f(np.array([1, 0, 1], np.float32))


def _key(sizes: dict[str, int] | None = None, structure: Any = "single", **options: Any) -> bytes:
    x = gc.input("x", ("n", 4))
    f = gc.compile([x], gc.exp(x))
    found = cache.slot(f._bare, sizes or {"n": 3}, structure, Options(**options))
    assert found is not None
    return found._key


def test_everything_that_decides_the_code_is_in_the_key(cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRAPHC_CPU", raising=False)
    keys = [
        _key(), _key(sizes={"n": 4}), _key(sizes={"n": 3, "m": 3}), _key(structure=("tuple", 1)),
        _key(structure=("list", 1)), _key(structure=("dict", ("a",))), _key(structure=("dict", ("b",))),
        _key(structure=("rebuild", 1)), *(_key(optimize=level) for level in (0, 1, 3)), _key(fast_math=True),
        _key(threads=2), _key(check=True),
    ]  # fmt: skip
    assert keys[0] == _key()
    for level in ("x86-64", "x86-64-v3"):
        monkeypatch.setenv("GRAPHC_CPU", level)
        keys.append(_key())
    monkeypatch.delenv("GRAPHC_CPU")
    monkeypatch.setattr("llvmlite.__version__", "9.9")
    keys.append(_key())
    monkeypatch.setattr("graphc.ir.package.fingerprint", lambda: "another graphc")
    keys.append(_key())
    assert len(set(keys)) == len(keys)


def test_damaged_entries_are_compiled_anew(cache_folder: Path) -> None:
    expected = _ran(*_step(), DATA)
    (file,) = cache_folder.iterdir()
    content = file.read_bytes()
    step = max(1, len(content) // 7)
    for at in range(0, len(content), step):
        file.write_bytes(content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :])
        f, params = _step()
        assert not was_found(f) and _ran(f, params, DATA) == expected
        assert was_found(_step()[0])
        file.write_bytes(content[:at])
        assert not was_found(_step()[0])


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header.pop("signature"),
        lambda header: header["signature"].pop("arena_bytes"),
        lambda header: header["signature"].update(unknown=1),
        lambda header: header.update(params=[7]),
        lambda header: header.update(constants=[99]),
        lambda header: header.update(constants=[["<f4", [3, 3]]]),
        lambda header: header.update(objects="two"),
    ],
)
def test_an_entry_of_another_form_is_compiled_anew(
    change: Callable[[dict[str, Any]], Any], cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = store.keep

    def keep(key: bytes, header: dict[str, Any], blobs: Any) -> None:
        if header:
            change(header)
        kept(key, header, blobs)

    monkeypatch.setattr(store, "keep", keep)
    expected = _ran(*_step(), DATA)
    f, params = _step()
    assert not was_found(f) and _ran(f, params, DATA) == expected


def test_objects_that_do_not_link_are_compiled_anew(cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = store.keep
    monkeypatch.setattr(store, "keep", lambda key, header, blobs: kept(key, header, (b"no object", *blobs[1:])))
    expected = _ran(*_step(), DATA)
    f, params = _step()
    assert not was_found(f) and _ran(f, params, DATA) == expected


@pytest.mark.parametrize("place", ["/proc/graphc", "/dev/null", "file/below"])
def test_without_a_folder_everything_works(place: str, cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (cache_folder.parent / "file").write_text("")
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(cache_folder.parent / place))
    expected = _ran(*_step(), DATA)
    f, params = _step()
    assert not was_found(f) and _ran(f, params, DATA) == expected


def test_many_threads_compile_at_once(cache_folder: Path) -> None:
    results: list[bytes] = []

    def work() -> None:
        results.extend(_ran(*_step(), DATA) for _ in range(3))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 24 and len(set(results)) == 1


# Other processes ------------------------------------------------------------------------------------------------

PROGRAM = """
import sys
import numpy as np
from graphc.ir import package
package.fingerprint = lambda: "this graphc"
package.is_unchanged = lambda: True
import graphc as gc

x = gc.input(sys.argv[1], ("n", 6))
w = gc.param("w", np.linspace(-1, 1, 24, dtype=np.float32).reshape(6, 4))
loss = gc.mean(gc.square(gc.relu(x @ w)))
f = gc.compile([x], [loss, gc.softmax(x @ w)], updates={w: w - gc.grad(loss, w)}, threads=2)
data = np.linspace(-2, 2, 1800, dtype=np.float32).reshape(300, 6)
results = [a.tobytes().hex() for _ in range(3) for a in f(data)]
print(hash(tuple(results)) and "".join(results)[:64], w.value.tobytes().hex())
print("middle:", *(m for m in sys.modules if m.startswith(("graphc.rewrite", "graphc.passes.fuse", "graphc.loop"))))
"""


def _process(code: str, *args: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *args],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment},
    )  # fmt: skip


def _said(process: subprocess.Popen[str]) -> list[str]:
    out, problems = process.communicate(timeout=120)
    assert process.returncode == 0, problems
    return out.splitlines()


def test_a_second_process_neither_rewrites_nor_compiles(cache_folder: Path) -> None:
    (cold, loaded), (warm, nothing) = _said(_process(PROGRAM, "x")), _said(_process(PROGRAM, "other"))
    assert cold == warm
    assert "graphc.rewrite" in loaded and nothing == "middle:"


def test_processes_share_a_folder_at_the_same_time(cache_folder: Path) -> None:
    found = [_said(process)[0] for process in [_process(PROGRAM, "x") for _ in range(3)]]
    assert len(set(found)) == 1
    assert all(re.fullmatch(r"[0-9a-f]{64}\.code", file.name) for file in cache_folder.iterdir())
    assert _said(_process(PROGRAM, "x"))[1] == "middle:"


def test_the_compiler_does_not_depend_on_the_order_of_hashes() -> None:
    code = PROGRAM + "\nprint(f.dump('llvm'))"
    first, second = (_process(code, "x", PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert _said(first) == _said(second)


def test_a_child_after_a_fork_finds_and_keeps(cache_folder: Path) -> None:
    _step()
    child = os.fork()
    if child == 0:
        other = gc.input("x", (3,))
        fine = was_found(_step()[0]) and gc.compile([other], gc.cos(other))(np.zeros(3, np.float32)).tolist() == [1] * 3
        os._exit(0 if fine else 1)
    _, status = os.waitpid(child, 0)
    assert status == 0
    x = gc.input("x", (3,))
    assert was_found(gc.compile([x], gc.cos(x)))


def test_what_others_exchange_is_not_kept(cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their code is in no key: an emission, a schedule or an operation may be another one the next time."""
    from graphc.codegen.scalars import SCALARS
    from graphc.compiler import lowering
    from graphc.ir.op import REGISTRY

    x = gc.input("x", (3,))
    values = np.ones(3, np.float32)
    assert not was_found(gc.compile([x], gc.sinh(x)))
    assert was_found(gc.compile([x], gc.sinh(x)))
    with monkeypatch.context() as patch:
        usual = SCALARS["sinh"]
        patch.setitem(SCALARS, "sinh", lambda *args: usual(*args))
        assert not was_found(gc.compile([x], gc.sinh(x)))
        assert not was_found(gc.compile([x], gc.cosh(x)))
        assert was_found(gc.compile([x], gc.cosh(x)))
    with monkeypatch.context() as patch:
        schedule = lowering.schedule
        patch.setattr(lowering, "schedule", lambda *args: schedule(*args))
        assert not was_found(gc.compile([x], gc.sinh(x)))
    with monkeypatch.context() as patch:
        patch.setattr(cache, "OWN", frozenset(REGISTRY) - {"sinh"})
        assert not was_found(gc.compile([x], gc.sinh(x)))
        assert cache.slot(gc.compile([x], gc.sinh(x))._bare, {}, "single", Options()) is None
    again = gc.compile([x], gc.sinh(x))
    assert was_found(again)
    np.testing.assert_allclose(again(values), np.sinh(values), rtol=1e-6)


def test_a_folder_by_a_relative_path_from_nowhere_is_a_miss(tmp_path: Path) -> None:
    program = """
        import os, sys
        import numpy as np
        import graphc as gc
        os.chdir(sys.argv[1]); os.rmdir(sys.argv[1])
        x = gc.input("x", (3,))
        assert gc.compile([x], x + 1)(np.ones(3, np.float32)).tolist() == [2, 2, 2]
    """
    gone = tmp_path / "gone"
    gone.mkdir()
    environment = {**os.environ, "GRAPHC_CACHE_DIR": "relative"}
    environment.pop("GRAPHC_CACHE", None)
    subprocess.run([sys.executable, "-c", textwrap.dedent(program), str(gone)], check=True, env=environment)
