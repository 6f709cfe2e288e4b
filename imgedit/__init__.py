"""imgedit: verbs on plain NumPy images. The contract of an image stands in ``imgedit.pixels``."""

from imgedit import errors
from imgedit.pixels import (
    from_bgr,
    from_pil,
    premultiply,
    to_bgr,
    to_float,
    to_pil,
    to_uint8,
    to_uint16,
    unpremultiply,
)

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "errors",
    "from_bgr",
    "from_pil",
    "premultiply",
    "to_bgr",
    "to_float",
    "to_pil",
    "to_uint8",
    "to_uint16",
    "unpremultiply",
]
