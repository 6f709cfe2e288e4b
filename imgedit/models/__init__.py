"""From a model's name to a callable on arrays; knows nothing of tasks.

`load` gives a `Model`: an ONNX file on a device that really runs. `Model.run` takes and gives arrays as the file
declares them; `pictures.run` and `pictures.run_tiled` take and give pictures, and know range, layout, padding, batches
and tiles from the manifest.
"""

from imgedit.models.manifest import Manifest
from imgedit.models.session import Model, Port
from imgedit.models.store import find, info, load, names

__all__ = ["Manifest", "Model", "Port", "find", "info", "load", "names"]
