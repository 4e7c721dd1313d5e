import importlib.util
import numpy as np
import pytest
import graphc as gc

if not importlib.util.find_spec("graphc.compiler"):

    def fake(inputs, outputs, updates=None, name=None):
        updates = updates or {}

        def call(*arrays):
            vals, new = gc.interpret((outputs, list(updates.values())), dict(zip(inputs, arrays)))
            for p, v in zip(updates, new):
                p.value = v
            return vals

        return call

    gc.compile = fake
