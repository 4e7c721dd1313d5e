"""How parameters move: optimizers as graph, `updates = optim.Adam(1e-3).updates(loss, params)`.

The formulas and defaults are Keras 3's. What an optimizer remembers between steps are params like any other, so a
compiled step updates them natively, together with the parameters themselves.
"""

from . import schedules
from .adagrad import Adadelta, Adagrad
from .adam import Adam, Adamax, AdamW, Nadam
from .ftrl import Ftrl
from .lion import Lion
from .optimizer import Optimizer, get
from .rmsprop import RMSprop
from .schedules import Schedule
from .sgd import SGD

KNOWN: dict[str, type[Optimizer]] = {
    kind.__name__.lower(): kind for kind in (SGD, RMSprop, Adam, AdamW, Adamax, Nadam, Adagrad, Adadelta, Lion, Ftrl)
}
"""The optimizers by the names `model.compile(optimizer="adam")` takes."""

__all__ = [
    "KNOWN",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lion",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "Schedule",
    "get",
    "schedules",
]
