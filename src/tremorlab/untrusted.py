"""Files that strangers made: what is refused before a parser sees it.

A parser does what a file tells it: an XML entity makes gigabytes of a line or brings in another file, an archive
unpacks to anything, the configuration of a network names whatever Python can import. What a catalogue, station metadata
or a network of this package needs is a small part of that, and only that part is let through.
"""

from __future__ import annotations

import json
import mmap
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tremorlab.errors import TremorlabError

if TYPE_CHECKING:  # it takes long to import, and a detector reads no HDF5
    import h5py

#: What a saved network consists of, and the most that it may unpack to; the compendium's have 0.4 MB.
_MEMBERS = ("config.json", "metadata.json", "model.weights.h5")
_UNPACKED = 2**28

#: Module -> names that the configuration of a network of `tremorlab.classify.networks` may hold. Keras refuses code in
#: a Lambda layer by itself (safe_mode), but not every layer that reads files: text layers open their vocabulary.
_PARTS = {
    "keras": {"DTypePolicy"},
    "keras.initializers": {"GlorotUniform", "HeNormal", "Zeros"},
    "keras.layers": {
        "Concatenate", "Conv1D", "Conv2D", "Cropping1D", "Dense", "Dropout", "Flatten", "GlobalAveragePooling1D",
        "GlobalMaxPooling1D", "Identity", "InputLayer", "MaxPooling1D", "MaxPooling2D", "Permute", "Rescaling",
        "Reshape", "ZeroPadding2D",
    },
    "keras.src.models.functional": {"Functional"},
    "keras.src.ops.numpy": {
        "Absolute", "Add", "Divide", "ExpandDims", "GetItem", "Log10", "Max", "Maximum", "Reshape", "Sqrt", "Square",
    },
    None: {"__ellipsis__", "__keras_tensor__", "__slice__"},
}  # fmt: skip

#: How a global heap of HDF5 begins, and the part of a file in which they are looked for.
_HEAP, _SEARCHED = b"GCOL\x01\0\0\0", 2**32

#: What zipfile and json raise for damage, encryption and methods they do not know.
_BROKEN = (
    OSError, EOFError, KeyError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip

_REMEDY = "Do not open it, and ask for it again where it should have come from"


def xml(path: str | Path, kind: type[TremorlabError], standard: str) -> bytes:
    """Read an XML file without a document type: UTF-8, and no entities but those that XML itself has.

    Parameters
    ----------
    path
        The file.
    kind
        Class of the errors.
    standard
        What it should be, for messages: QuakeML, StationXML.

    Raises
    ------
    TremorlabError
        Of the class given: the file cannot be read, is not UTF-8, or declares a document type or an entity.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise kind(path, f"cannot be read: {error.strerror}", "Give the path of a readable file") from error
    # In UTF-16 a declaration would not be found below, and a parser would still see it.
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise kind(f"{path}, line {line}", "is not text in UTF-8", f"Give {standard}, in UTF-8") from error
    declared = re.match(r"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([^\"']*)", text)
    if "\0" in text or (declared and declared[1].lower() not in ("utf-8", "us-ascii", "ascii")):
        said = f"declares the encoding {declared[1][:40]!r}" if declared else "holds a zero byte"
        raise kind(path, said, "Convert it to UTF-8")
    for forbidden in ("<!DOCTYPE", "<!ENTITY"):
        if (place := text.find(forbidden)) >= 0:
            line = text.count("\n", 0, place) + 1
            raise kind(f"{path}, line {line}", f"has a {forbidden} declaration", f"Remove it; {standard} has none")
    return content


def network(path: str | Path, kind: type[TremorlabError]) -> None:
    """Look into a saved network before Keras does.

    Parameters
    ----------
    path
        The ``.keras`` file.
    kind
        Class of the errors.

    Raises
    ------
    TremorlabError
        Of the class given: the file is no archive of Keras, has a member that does not belong there, unpacks to more
        than 256 MiB, or its configuration names something that networks of this package do not consist of.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            for member in members:
                if member.filename not in _MEMBERS:
                    limit = f"is none of {', '.join(_MEMBERS)}"
                    raise kind(path, f"its member {member.filename[:200]!r} {limit}", _REMEDY)
            size = sum(member.file_size for member in members)
            if size > _UNPACKED or len(members) > len(_MEMBERS):
                raise kind(path, f"unpacks to {len(members)} members of {size} bytes, more than {_UNPACKED}", _REMEDY)
            config = json.loads(archive.read("config.json"))
    except _BROKEN as error:
        raise kind(path, f"cannot be opened as a network: {error}", "Train again, or fetch it again") from error
    for module, name in _named(config):
        if not isinstance(module, str | None) or not isinstance(name, str) or name not in _PARTS.get(module, ()):
            told = f"its configuration has {str(name)[:80]!r} of {str(module)[:80]!r}"
            raise kind(path, f"{told}, no part of a network of tremorlab", _REMEDY)


def _named(config: object) -> Iterator[tuple[object, object]]:
    """Module and class of everything that a configuration makes Keras build."""
    if isinstance(config, dict):
        if "class_name" in config:
            yield config.get("module"), config["class_name"]
        parts = config.values()
    else:
        parts = config if isinstance(config, list) else ()
    for part in parts:
        yield from _named(part)


def heaps(path: str | Path, kind: type[TremorlabError]) -> None:
    """Look at the texts of an HDF5 file before HDF5 does, which never ends where an object in a heap takes no room.

    Texts of any length are in global heaps ("HDF5 File Format Specification", III.E). The first 4 GiB are looked
    through, which takes seconds at the most; what is no HDF5 file is left to h5py.

    Raises
    ------
    TremorlabError
        Of the class given: a heap holds an object that is larger than the heap, or takes no room; names the byte.
    """
    try:
        with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            place = content.find(_HEAP, 0, _SEARCHED)
            while place >= 0:
                if (wrong := _wrong(content, place)) is not None:
                    told = f"is damaged: the object at byte {wrong} does not fit into its heap"
                    raise kind(path, told, "Get the file again, or write it again")
                place = content.find(_HEAP, place + 16, _SEARCHED)
    except (OSError, ValueError):  # missing or empty, as h5py says better
        return


def _wrong(content, place):
    """Byte of the first object that does not fit into the heap at a place."""
    if place + 16 > len(content):
        return place
    end = place + struct.unpack_from("<Q", content, place + 8)[0]
    if end > len(content):
        return place
    at = place + 16
    while at + 16 <= end:
        number, size = struct.unpack_from("<H6xQ", content, at)
        room = 16 + -(-size // 8) * 8 if number else size  # what is free has no data, and its header counts
        if not 16 <= room <= end - at:
            return at
        at += room
    return None


def is_elsewhere(dataset: h5py.Dataset, file: h5py.File) -> bool:
    """Whether samples come from another file: by an external link, external storage or a virtual dataset."""
    return dataset.file.filename != file.filename or bool(dataset.external) or dataset.is_virtual
