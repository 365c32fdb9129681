"""Builds and searches fast-plaid indexes through fast_plaid.search.FastPlaid.

    drive_fast_plaid.py build INPUT WORK THREADS BITS...
    drive_fast_plaid.py exhaustive INPUT WORK THREADS BITS
    drive_fast_plaid.py search INPUT WORK THREADS BITS K RAW
"""

import importlib.metadata
import shutil
import sys

import numpy as np
import torch
from fast_plaid import search as fast_plaid

import common


def index_path(work, bits):
    return f"{work}/fast-plaid-{bits}"


def build(folder, work, threads, *all_bits):
    data = common.Input(folder)
    rows = torch.from_numpy(np.array(data.rows()))
    tokens = len(rows)
    passages = list(rows.split(data.doclens().tolist()))
    kmeans = TimedKMeans()
    for bits in all_bits:
        path = index_path(work, bits)
        shutil.rmtree(path, ignore_errors=True)
        clock = common.Clock()
        index = fast_plaid.FastPlaid(path, device="cpu")
        index.create(passages, nbits=int(bits), max_points_per_centroid=common.SAMPLE)
        common.save_build(
            path,
            engine="fast-plaid",
            version=importlib.metadata.version("fast-plaid") + " torch " + torch.__version__,
            nbits=int(bits),
            centroids=kmeans.centroids.shape[0],
            tokens=tokens,
            sample=common.SAMPLE * kmeans.centroids.shape[0],
            build_threads=int(threads),
            build_seconds=clock.wall() + kmeans.saved,
            build_cpu_seconds=clock.cpu() + kmeans.saved_cpu,
            kmeans_seconds=kmeans.seconds,
            kmeans_cpu_seconds=kmeans.cpu,
            build_peak_rss=common.peak_rss(),
            index_bytes=common.folder_bytes(path),
        )
        index.close()


class TimedKMeans:
    """Takes the time of the k-means inside `create`. It depends on nothing but the embeddings, so the next bit width is given
    the same centroids and is charged for the time they took."""

    def __init__(self):
        self.original = fast_plaid.fast_plaid.compute_kmeans
        self.centroids = None
        self.saved = self.saved_cpu = 0.0
        fast_plaid.fast_plaid.compute_kmeans = self

    def __call__(self, **arguments):
        if self.centroids is not None:
            self.saved, self.saved_cpu = self.seconds, self.cpu
            return self.centroids.clone()
        clock = common.Clock()
        self.centroids = self.original(**arguments)
        self.seconds, self.cpu = clock.wall(), clock.cpu()
        return self.centroids.clone()


def search(folder, work, threads, bits, k, raw):
    k, threads = int(k), int(threads)
    data = common.Input(folder)
    queries = [torch.from_numpy(query)[None] for query in data.queries()]
    path = index_path(work, bits)
    index = fast_plaid.FastPlaid(path, device="cpu")
    for n_ivf_probe, n_full_scores in sweep(k):
        options = dict(top_k=k, n_ivf_probe=n_ivf_probe, n_full_scores=n_full_scores, show_progress=False)
        measured = common.measure(queries, searcher(index, options))
        more = {}
        if measured and threads > 1:  # with one it is what single queries are
            clock = common.Clock()
            index.search([query[0] for query in queries], n_processes=threads, **options)
            more["batch_seconds"] = clock.wall()
        settings = f"probe {n_ivf_probe}, full {n_full_scores}"
        common.append(raw, common.load_build(path), k, threads, settings, data.searched(), measured, **more)


def searcher(index, options):
    return lambda query: [passage for passage, _ in index.search(query, n_processes=1, **options)[0]]


def exhaustive(folder, work, threads, bits):
    data = common.Input(folder)
    path = index_path(work, bits)
    index = fast_plaid.FastPlaid(path, device="cpu")
    queries = [torch.from_numpy(query)[None] for query in data.queries()]
    everything = dict(
        top_k=common.EXHAUSTIVE_K,
        n_ivf_probe=common.load_build(path)["centroids"],
        n_full_scores=4 * len(data.doclens()),
        show_progress=False,
    )
    common.exhaustive(path, queries, searcher(index, everything))


def sweep(k):
    """The engine's default first, then from coarse to fine."""
    if k <= 10:
        return [(8, 4096), (1, 64), (2, 128), (2, 256), (4, 512), (8, 1024), (16, 2048), (32, 8192)]
    if k <= 100:
        return [(8, 4096), (2, 512), (4, 1024), (8, 2048), (32, 8192)]
    return [(8, 4096), (4, 4096), (8, 8192), (32, 16384)]


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[4]))
    {"build": build, "exhaustive": exhaustive, "search": search}[sys.argv[1]](*sys.argv[2:])
