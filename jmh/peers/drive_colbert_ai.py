"""Builds and searches PLAID indexes of colbert-ai: its CollectionIndexer, given embeddings in place of a checkpoint, and its
IndexScorer as Searcher.dense_search calls it.

    drive_colbert_ai.py build INPUT WORK THREADS BITS...
    drive_colbert_ai.py exhaustive INPUT WORK THREADS BITS
    drive_colbert_ai.py search INPUT WORK THREADS BITS K RAW
"""

import importlib.metadata
import os
import random
import shutil
import sys

import faiss
import numpy as np
import torch
from colbert.data import Collection
from colbert.indexing import collection_indexer
from colbert.indexing.index_saver import IndexSaver
from colbert.infra import ColBERTConfig
from colbert.modeling.colbert import ColBERT
from colbert.search.index_storage import IndexScorer

import common

FAISS_SAMPLE = 256  # rows a centroid that faiss takes of those it is given; the engine passes no other number


def index_path(work, bits):
    return f"{work}/colbert-ai-{bits}"


class Embedded:
    """An encoder that has encoded already: a passage's text is its number."""

    def __init__(self, data):
        self.rows, self.doclens = data.rows(), data.doclens().tolist()
        self.ends = np.cumsum(self.doclens)

    def encode_passages(self, passages):
        numbers = [int(passage) for passage in passages]
        blocks = [self.rows[self.ends[p] - self.doclens[p] : self.ends[p]] for p in numbers]
        return torch.from_numpy(np.concatenate(blocks)).float(), [self.doclens[p] for p in numbers]


class Indexer(collection_indexer.CollectionIndexer):
    def __init__(self, config, data):
        self.config, self.verbose, self.use_gpu = config, 0, False
        self.rank, self.nranks = 0, 1
        self.collection = Collection.cast([str(p) for p in range(len(data.doclens()))])
        self.encoder = Embedded(data)
        self.saver = IndexSaver(config)


def build(folder, work, threads, *all_bits):
    data = common.Input(folder)
    kmeans = TimedKMeans()
    for bits in all_bits:
        path = index_path(work, bits)
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
        random.seed(7)
        torch.manual_seed(7)
        config = ColBERTConfig(nbits=int(bits), index_path=path, dim=data.rows().shape[1], avoid_fork_if_possible=True)
        indexer = Indexer(config, data)
        clock = common.Clock()
        indexer.run([[None]])
        common.save_build(
            path,
            engine="colbert-ai",
            version=importlib.metadata.version("colbert-ai") + " torch " + torch.__version__,
            nbits=int(bits),
            centroids=kmeans.centroids.shape[0],
            tokens=len(data.rows()),
            sample=kmeans.sample,
            build_threads=int(threads),
            build_seconds=clock.wall() + kmeans.saved,
            build_cpu_seconds=clock.cpu() + kmeans.saved_cpu,
            kmeans_seconds=kmeans.seconds,
            kmeans_cpu_seconds=kmeans.cpu,
            build_peak_rss=common.peak_rss(),
            index_bytes=common.folder_bytes(path),
        )


class TimedKMeans:
    """Takes the time of the k-means inside `run`. It depends on nothing but the embeddings and the seeds, so the next bit width
    is given the same centroids and is charged for the time they took."""

    def __init__(self):
        self.original = collection_indexer.compute_faiss_kmeans
        self.centroids = None
        self.saved = self.saved_cpu = 0.0
        collection_indexer.compute_faiss_kmeans = self

    def __call__(self, *arguments):
        if self.centroids is not None:
            self.saved, self.saved_cpu = self.seconds, self.cpu
            return self.centroids.clone()
        clock = common.Clock()
        _, centroids, _, [[sample]] = arguments[:4]
        self.sample = min(len(sample), FAISS_SAMPLE * centroids)
        self.centroids = self.original(*arguments)
        self.seconds, self.cpu = clock.wall(), clock.cpu()
        return self.centroids.clone()


def search(folder, work, threads, bits, k, raw):
    k, threads = int(k), int(threads)
    data = common.Input(folder)
    queries = [torch.from_numpy(query)[None] for query in data.queries()]
    path = index_path(work, bits)
    scorer = open_index(path)
    for point in sweep(k):
        measured = common.measure(queries, searcher(scorer, bits, point, k))
        settings = "ncells {}, threshold {}, ndocs {}".format(*point)
        common.append(raw, common.load_build(path), k, threads, settings, data.searched(), measured)


def open_index(path):
    ColBERT.try_load_torch_extensions(False)  # a checkpoint would have done it
    return IndexScorer(path, use_gpu=False)


def searcher(scorer, bits, point, k):
    ncells, threshold, ndocs = point
    config = ColBERTConfig(
        nbits=int(bits),
        query_maxlen=10_000,  # probe for all rows of a query, as all other engines do
        ncells=ncells,
        centroid_score_threshold=threshold,
        ndocs=ndocs,
    )
    return lambda query: scorer.rank(config, query)[0][:k]


def exhaustive(folder, work, threads, bits):
    data = common.Input(folder)
    path = index_path(work, bits)
    scorer = open_index(path)
    queries = [torch.from_numpy(query)[None] for query in data.queries()]
    everything = (common.load_build(path)["centroids"], -1.0, 4 * len(data.doclens()))
    common.exhaustive(path, queries, searcher(scorer, bits, everything, common.EXHAUSTIVE_K))


def sweep(k):
    """The engine's default first, then from coarse to fine; a quarter of ndocs is scored exactly."""
    if k <= 10:
        coarse = [(1, 0.5, 256), (1, 0.6, 64), (1, 0.5, 128)]
        return coarse + [(2, 0.45, 256), (2, 0.4, 512), (4, 0.4, 1024), (8, 0.3, 2048), (16, 0.2, 8192)]
    if k <= 100:
        return [(2, 0.45, 1024), (1, 0.5, 512), (4, 0.4, 1024), (8, 0.3, 2048), (16, 0.2, 8192)]
    return [(4, 0.4, 4096), (8, 0.3, 8192), (16, 0.2, 16384)]


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[4]))
    faiss.omp_set_num_threads(int(sys.argv[4]))
    {"build": build, "exhaustive": exhaustive, "search": search}[sys.argv[1]](*sys.argv[2:])
