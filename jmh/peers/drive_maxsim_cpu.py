"""maxsim-cpu has no index: it scores float32 embeddings in memory, here all passages for some queries, and the exact best
1000 of every query again. Its threads are rayon's: set RAYON_NUM_THREADS.

    drive_maxsim_cpu.py INPUT THREADS RAW
"""

import importlib.metadata
import sys

import maxsim_cpu
import numpy as np

import common

EXHAUSTIVE_QUERIES = 24
ROWS_AT_ONCE = 32  # 0.1.0 crashes on 33 rows against 65 tokens; MaxSim is a sum over rows, so pieces give the same


def main(folder, threads, raw):
    data = common.Input(folder)
    rows = data.rows().astype(np.float32)
    doclens = data.doclens()
    passages = np.split(rows, np.cumsum(doclens)[:-1])
    queries, exact, searched = data.queries(), data.exact(), data.searched()
    build = dict(engine="maxsim-cpu", version=importlib.metadata.version("maxsim-cpu"), tokens=len(rows))
    k = exact.shape[1]

    def write(settings, some, measured, scored_tokens):
        row_tokens = sum(len(queries[i]) * tokens for i, tokens in zip(some, scored_tokens))
        nanos = 32e6 * sum(measured["millis"]) / row_tokens
        more = dict(exact=True, ns_per_token_32_rows=nanos)
        common.append(raw, build, k, int(threads), settings, searched[some], measured, **more)

    def all_passages(query):
        return best(max_sim(query, passages), k)

    some = common.spread(len(queries), EXHAUSTIVE_QUERIES)
    write("exhaustive", some, common.measure([queries[i] for i in some], all_passages), [len(rows)] * len(some))

    candidates_of = {id(query): (found, [passages[p] for p in found]) for query, found in zip(queries, exact)}

    def rerank(query):
        found, candidates = candidates_of[id(query)]
        return found[best(max_sim(query, candidates), k)]

    every = np.arange(len(queries))
    write(f"rerank {k}", every, common.measure(queries, rerank), [doclens[found].sum() for found in exact])


def max_sim(query, passages):
    pieces = [query[row : row + ROWS_AT_ONCE] for row in range(0, len(query), ROWS_AT_ONCE)]
    return sum(maxsim_cpu.maxsim_scores_variable(piece, passages) for piece in pieces)


def best(scores, k):
    return np.argsort(-np.asarray(scores), kind="stable")[:k]


if __name__ == "__main__":
    main(*sys.argv[1:])
