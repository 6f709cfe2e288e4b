"""Run every shipped net, and every model of a folder, through its verb: ``python -m benchmarks.evaluation DATA OUT``.

DATA holds ``onnx/`` (files as they are found in the wild, no manifests), ``eval/set5`` and ``eval/bsds-dev``; what the
nets of small pictures learnt from is looked for in ``train/``. A net is measured by its task: a new one needs no line
here.

OUT/index.html shows tables beside other methods and published figures, what went in and what came out, the model's
card and a verdict by number where there is one; a file that is no model must be refused with a reason.
OUT/figures.json holds the numbers. The exit code is 1 if anything is not as it should be.
"""
