"""Layers, losses, metrics and models, in the conventions of Keras.

from graphc import nn

model = nn.Sequential([nn.Dense(512, activation="relu"), nn.Dense(10, activation="softmax")])
model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x_train, y_train, epochs=5, batch_size=128)
"""

from . import activations, initializers, losses, metrics
from .history import History
from .layers import Dense, Input, Layer
from .model import Sequential
from .training import TrainingGraph

__all__ = [
    "Dense",
    "History",
    "Input",
    "Layer",
    "Sequential",
    "TrainingGraph",
    "activations",
    "initializers",
    "losses",
    "metrics",
]
