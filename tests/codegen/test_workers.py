"""Jobs in several threads, and forks that wait for them."""

import os
import threading
import time

import pytest

from graphc.codegen import workers
from graphc.codegen.workers import at_work, together


@pytest.fixture(params=[1, 4])
def cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(workers, "cores", lambda: request.param)
    return int(request.param)


def test_results_come_in_the_order_of_the_jobs(cores: int) -> None:
    def slow_first(i: int) -> int:
        time.sleep(0.01 * (5 - i))
        return i

    done: list[str] = []
    jobs = [lambda i=i: slow_first(i) for i in range(5)]
    assert together(jobs, [lambda: done.append("besides")]) == [0, 1, 2, 3, 4]
    assert done == ["besides"]


def test_nothing_to_do(cores: int) -> None:
    assert together([]) == []


def test_jobs_run_at_the_same_time_where_there_are_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "cores", lambda: 3)
    everybody = threading.Barrier(3, timeout=10)
    assert sorted(together([everybody.wait] * 3)) == [0, 1, 2]


def test_an_error_of_a_job_is_raised_and_the_others_are_not_begun(cores: int) -> None:
    begun = []

    def fail() -> None:
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        together([fail, *[lambda: (time.sleep(0.02), begun.append(1))] * 40])
    assert len(begun) < 40


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_waits_until_nobody_is_at_work() -> None:
    entered, order = threading.Event(), []

    def work() -> None:
        with at_work(), at_work():
            entered.set()
            time.sleep(0.1)
            order.append("worked")

    thread = threading.Thread(target=work)
    thread.start()
    entered.wait()
    child = os.fork()
    if child == 0:
        with at_work():  # the child finds the gate open
            os._exit(0)
    order.append("forked")
    assert os.waitpid(child, 0)[1] == 0
    thread.join()
    assert order == ["worked", "forked"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_who_is_at_work_may_fork() -> None:
    with at_work():
        child = os.fork()
        if child == 0:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
