"""From a model's name to a callable on arrays; knows nothing of tasks.

`load` gives a `Model`: an ONNX file on a device that really runs. `Model.run` takes and gives arrays as the file
declares them; `pictures.run` and `pictures.run_tiled` take and give pictures, and know range, layout, padding, batches
and tiles from the manifest. `fetch` brings a model of the registry, `add` and `probe` find out what a foreign file is.
"""

from imgedit.models.adding import add
from imgedit.models.fetching import fetch
from imgedit.models.keeping import kept
from imgedit.models.manifest import Manifest
from imgedit.models.probing import Probe, probe
from imgedit.models.session import Model, Port
from imgedit.models.store import find, info, load, names

__all__ = ["Manifest", "Model", "Port", "Probe", "add", "fetch", "find", "info", "kept", "load", "names", "probe"]
