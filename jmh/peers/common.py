"""What all drivers share: the input folder, the clock, and the line of a measurement.

A driver appends one JSON line a measurement to a file; the hits of all queries go to an NPY file beside it. `./tartan bench
table` makes recall and nDCG of them, so that all engines are judged by the same code.
"""

import json
import math
import os
import re
import time
from pathlib import Path

import numpy as np

PASSES = 3  # what a query took is the best of them
WARM_UP = 10  # queries before them; fewer where they take a quarter of the time that is enough
ENOUGH_SECONDS = float(os.environ.get("SECONDS", 40))  # no further pass that would end after that
SLOWEST = float(os.environ.get("SLOWEST", math.inf))  # milliseconds a query: a setting that takes more is left out
SAMPLE = int(os.environ.get("SAMPLE", 32))  # tokens a centroid that k-means sees, where an engine lets us say so
EXHAUSTIVE_K = 1000


class Input:
    """A folder made by prepare.py."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def rows(self):
        """All token embeddings [tokens, dim], mapped."""
        return np.load(self.folder / "embeddings.npy", mmap_mode="r")

    def doclens(self):
        return np.load(self.folder / "doclens.npy")

    def queries(self):
        """The rows of each query of `searched`, float32 [rows, dim], without the zeros that fill them up."""
        queries = np.load(self.folder / "queries.npy")
        return [without_padding(query.astype(np.float32)) for query in queries[self.searched()]]

    def exact(self):
        """The best passages of each query of `searched` by float MaxSim, int32 [queries, k]."""
        return np.load(self.folder / "exact.npy")[self.searched()]

    def searched(self):
        """The numbers of the queries that are searched: all, or with QUERIES in the environment so many, evenly spread."""
        queries = len(np.load(self.folder / "queries.npy", mmap_mode="r"))
        return spread(queries, int(os.environ.get("QUERIES", queries)))


def spread(queries, count):
    """`count` of the numbers below `queries` at most, evenly spread."""
    count = min(queries, count)
    return np.arange(count) * queries // count


def without_padding(query):
    used = np.flatnonzero(query.any(axis=1))
    return query[: used[-1] + 1 if len(used) else 1]


def folder_bytes(path):
    return sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())


def peak_rss():
    """The most memory this process has had resident so far, in bytes."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024


class Clock:
    """Wall and CPU seconds (of all threads) since it was made."""

    def __init__(self):
        self.start, self.start_cpu = time.perf_counter(), time.process_time()

    def wall(self):
        return time.perf_counter() - self.start

    def cpu(self):
        return time.process_time() - self.start_cpu


def measure(queries, search):
    """What `append` takes: `search` maps a query's rows to passage numbers, best first. CPU time is that of all threads, a
    query's mean in the best pass: on a busy machine it says more than the wall clock. None if it is slower than SLOWEST."""
    if warm_up(queries, search) > SLOWEST:
        return None
    begin = time.perf_counter()
    millis = [math.inf] * len(queries)
    cpu_millis = math.inf
    for done in range(PASSES):
        if done and (time.perf_counter() - begin) * (done + 1) / done > ENOUGH_SECONDS:
            break
        hits = []
        start_cpu = time.process_time()
        for q, query in enumerate(queries):
            start = time.perf_counter()
            hits.append(search(query))
            millis[q] = min(millis[q], (time.perf_counter() - start) * 1e3)
        cpu_millis = min(cpu_millis, (time.process_time() - start_cpu) * 1e3 / len(queries))
    return dict(millis=millis, cpu_millis=cpu_millis, hits=hits)


def warm_up(queries, search):
    """The least milliseconds a query took."""
    clock, least = Clock(), math.inf
    for query in queries[:WARM_UP]:
        start = clock.wall()
        search(query)
        least = min(least, (clock.wall() - start) * 1e3)
        if clock.wall() > ENOUGH_SECONDS / 4:
            break
    return least


def append(raw, build, k, threads, settings, searched, measured, **more):
    """Appends what `measure` gave for the queries of these numbers to the file `raw`; `build` is what its index was made like,
    `more` further fields."""
    raw = Path(raw)
    label = f"{build['engine']} {build.get('nbits', '')} {k} {threads} {settings}"
    if measured is None:
        print(f"{label}: left out, a query takes more than {SLOWEST:g} ms", flush=True)
        return
    name = re.sub(r"\W", "_", label) + ".npy"
    save_hits(raw.with_name(name), measured["hits"], k)
    line = build | measured | dict(k=k, threads=threads, settings=settings, searched=[int(q) for q in searched], hits=name) | more
    with raw.open("a") as out:
        out.write(json.dumps(line) + "\n")
    print(f"{label}: p50 {np.median(measured['millis']):.2f} ms", flush=True)


def save_hits(file, hits, k):
    """Passage numbers, int32 [queries, k]; -1 from where there were no more."""
    table = np.full((len(hits), k), -1, np.int32)
    for row, found in zip(table, hits):
        row[: len(found[:k])] = found[:k]
    np.save(file, table)


def exhaustive(index, queries, search):
    """Keeps beside the index what it itself ranks best: recall of that tells what a search loses from what the codec loses."""
    clock = Clock()
    save_hits(f"{index}.exhaustive.npy", [search(query) for query in queries], EXHAUSTIVE_K)
    print(f"{index} exhaustive: {clock.wall() * 1e3 / len(queries):.1f} ms a query", flush=True)


def save_build(index, **fields):
    Path(f"{index}.build.json").write_text(json.dumps(fields))
    print(fields, flush=True)


def load_build(index):
    return json.loads(Path(f"{index}.build.json").read_text())
