"""Which way up a register is: one small net, asked about a strip and the same strip turned.

Zeros, ones and eights look alike both ways, and six is a nine upside down: what the reader makes of
a register on its head says little. The net was shown both ways up of rendered strips and answers
with a logit; the difference of the two answers is what counts, so it favours neither way.
"""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from gateway.photo.cells import as_input

MODEL = Path(__file__).parent / "models" / "turner.onnx"


class Turner:
    """The net, loaded once. It may be asked from several threads."""

    def __init__(self, model: Path = MODEL) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # a photograph is to take one core, however many there are
        self._session = onnxruntime.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"]
        )

    def upright(self, strip: NDArray[np.uint8], cells: int) -> float:
        """How much likelier a strip (height, width, 3) stands upright than on its head: log odds.

        ValueError where it is no such picture.
        """
        both = np.stack([as_input(one, cells) for one in (strip, strip[::-1, ::-1])])
        (said,) = self._session.run(None, {"strips": both})
        upright, turned = np.asarray(said, np.float64).tolist()
        return float(upright - turned)
