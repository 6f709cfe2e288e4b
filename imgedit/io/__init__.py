"""Images from and to files: the only folder that sees foreign formats, channel orders and colour profiles.

`files` moves bytes safely and knows nothing of images; one module a format probes, decodes and encodes; `formats` lists
them; `reading` and `writing` are what callers use.
"""

from imgedit.io.formats import FORMATS
from imgedit.io.metadata import Metadata
from imgedit.io.reading import Info, decode, info, read, read_mask
from imgedit.io.writing import check_output, encode, write

__all__ = ["FORMATS", "Info", "Metadata", "check_output", "decode", "encode", "info", "read", "read_mask", "write"]
