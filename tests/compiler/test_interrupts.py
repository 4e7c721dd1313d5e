"""Signals and forks while something is compiled: Python goes on as if nothing had been begun."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

COMMON = """
    import gc as collector, os, random, signal, sys, threading, time
    import numpy as np
    import graphc as gc

    def function(k, length=25):
        x = gc.input("x", ("n",))
        y = x
        for i in range(length):
            y = gc.sin(y * (k + i * 0.3)) + i
        return gc.compile([x], [y, gc.sum(y)])

    def child(work):
        pid = os.fork()
        if pid == 0:
            signal.alarm(20)
            work()
            os._exit(0 if collector.isenabled() else 3)
        assert os.waitpid(pid, 0)[1] == 0
"""


def run(program: str) -> None:
    text = textwrap.dedent(COMMON) + textwrap.dedent(program)
    environment = {**os.environ, "GRAPHC_CACHE": "0"}
    made = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=100, env=environment)
    assert made.returncode == 0, made.stderr


@pytest.mark.parametrize("seed", [1, 2])
def test_an_interrupted_compilation_leaves_the_next_ones_alone(seed: int) -> None:
    run(f"""
        random.seed({seed})
        at = np.ones(9, np.float32)
        function(0)(at)
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        interrupted = 0
        for k in range(1, 120):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.002 + random.random() * 0.05)
                function(k)(at)
            except KeyboardInterrupt:
                interrupted += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        assert interrupted > 5  # the faster the machine, the fewer
        assert collector.isenabled()
        function(1000)(at)
    """)


def test_a_fork_during_a_compilation_leaves_the_child_free_to_compile() -> None:
    run("""
        function(0)(np.ones(3, np.float32))
        for k in range(1, 6):
            f = function(k, 150)
            thread = threading.Thread(target=lambda: f(np.ones(7, np.float32)))
            thread.start()
            time.sleep(0.01 * k)
            child(lambda: (f(np.ones(9, np.float32)), function(100 + k)(np.ones(3, np.float32))))
            thread.join()
        assert collector.isenabled()
    """)


def test_a_fork_while_others_build_graphs_leaves_the_child_free_to_build() -> None:
    run("""
        function(0)
        running = True

        def build():
            i = 0
            while running:
                i, y = i + 1, gc.input("x", (3,))
                for k in range(50):
                    y = gc.sin(y * (i + k * 0.37)) + k

        threads = [threading.Thread(target=build) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(150):
            child(lambda: gc.exp(gc.input("z", (5,))) + 1)
        running = False
        for thread in threads:
            thread.join()
    """)
