"""Searches an index with the token embeddings of one query, by nothing but ctypes.

  python3 search.py INDEX QUERY K [ID...]

QUERY is a file of the embeddings alone, float32 [rows, dim], as numpy's array.astype("<f4").tofile(QUERY)
writes it. With IDs only these documents are searched. Prints a line a hit: rank, score, id, number of the
passage, text. TARTAN_LIBRARY is the path of libtartan where the system does not find it.
"""

import ctypes
import ctypes.util
import os
import sys
from ctypes import POINTER, Structure, byref, c_char, c_char_p, c_double, c_float, c_int32, c_int64, c_void_p


class Description(Structure):
    _fields_ = [("size", c_int64), ("commit", c_int64), ("documents", c_int64), ("passages", c_int64),
                ("dim", c_int32), ("reserved", c_int32), ("backend", c_char * 24)]


class Request(Structure):
    _fields_ = [("size", c_int64), ("k", c_int32), ("reserved", c_int32), ("recall", c_double),
                ("ids", POINTER(c_char_p)), ("id_count", c_int64)]


class Hit(Structure):
    _fields_ = [("id", c_char_p), ("id_bytes", c_int64), ("place", c_int64), ("score", c_float),
                ("passage", c_int32)]


class Result(Structure):
    _fields_ = [("count", c_int64), ("commit", c_int64), ("hits", POINTER(Hit))]


class TartanError(Exception):
    pass


library = ctypes.CDLL(os.environ.get("TARTAN_LIBRARY") or ctypes.util.find_library("tartan") or "libtartan.so")
library.tartan_error.restype = c_char_p


def function(name, *arguments):
    """A function of the library that raises what it fails at."""
    call = getattr(library, name)
    call.argtypes = arguments
    call.restype = c_int32

    def checked(status, _function, _arguments):
        if status != 0:
            raise TartanError(library.tartan_error().decode())

    call.errcheck = checked
    return call


tartan_open = function("tartan_open", c_char_p, c_void_p, POINTER(c_int64))
tartan_describe = function("tartan_describe", c_int64, POINTER(Description))
tartan_search = function("tartan_search", c_int64, c_char_p, c_int32, c_int32, POINTER(Request),
                         POINTER(POINTER(Result)))
tartan_hit_text = function("tartan_hit_text", c_int64, POINTER(Result), c_int64, POINTER(c_void_p))
tartan_close = function("tartan_close", c_int64)
library.tartan_text_free.argtypes = [c_void_p]
library.tartan_text_free.restype = None
library.tartan_result_free.argtypes = [POINTER(Result)]
library.tartan_result_free.restype = None


class Index:
    """An index that is open; any number of threads may search it."""

    def __init__(self, path):
        self.handle = c_int64()
        tartan_open(os.fsencode(path), None, byref(self.handle))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        tartan_close(self.handle)

    def describe(self):
        about = Description(size=ctypes.sizeof(Description))
        tartan_describe(self.handle, byref(about))
        return about

    def search(self, query, k, ids=None):
        """Hits of a query, bytes of float32 [rows, dim], as tuples of score, id, passage number and text."""
        dim = self.describe().dim
        request = Request(size=ctypes.sizeof(Request), k=k)
        if ids is not None:
            names = [name.encode() for name in ids]
            request.ids = (c_char_p * max(1, len(names)))(*names)
            request.id_count = len(names)
        result = POINTER(Result)()
        tartan_search(self.handle, query, len(query) // (4 * dim), dim, byref(request), byref(result))
        try:
            hits = (result.contents.hits[i] for i in range(result.contents.count))
            return [(hit.score, hit.id.decode(), hit.passage, self._text(result, i)) for i, hit in enumerate(hits)]
        finally:
            library.tartan_result_free(result)

    def _text(self, result, hit):
        text = c_void_p()
        tartan_hit_text(self.handle, result, hit, byref(text))
        try:
            return ctypes.string_at(text.value).decode() if text.value else None
        finally:
            library.tartan_text_free(text)


def main(arguments):
    if len(arguments) < 3:
        sys.exit("usage: search.py INDEX QUERY K [ID...]")
    path, query, k, *ids = arguments
    with open(query, "rb") as file:
        embeddings = file.read()
    with Index(path) as index:
        for rank, (score, name, passage, text) in enumerate(index.search(embeddings, int(k), ids or None), 1):
            print(f"{rank}\t{score:.9g}\t{name}\t{passage}\t{text or ''}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except TartanError as error:
        sys.exit(f"search.py: {error}")
