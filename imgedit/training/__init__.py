"""How the shipped networks were made, and how a user makes one from a folder of images.

Needs PyTorch (``pip install 'imgedit[train]'``). A training run is a `loop.Task` (a net, batches, a loss, an
evaluation) given to `loop.train`; `export` folds the result into an ONNX file with its manifest and model card.
"""
