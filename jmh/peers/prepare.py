"""Makes an input folder for all drivers: embeddings and queries, and the exact best passages of every query by float MaxSim.

With --qrels only judged queries are taken, in their order; of those, or of all, --limit takes as many, evenly spread.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

from common import Input

QUERIES_AT_ONCE = 32
TOKENS_AT_ONCE = 1 << 14


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--embeddings", required=True, type=Path, help="NPY [tokens, dim] float16 or float32")
    parser.add_argument("--doclens", required=True, type=Path, help="NPY [passages] int32")
    parser.add_argument("--queries", required=True, type=Path, help="NPY [queries, rows, dim] float16 or float32")
    parser.add_argument("--query-ids", type=Path, help="one id a line, for --qrels")
    parser.add_argument("--ids", type=Path, help="the passages' ids, one a line, for --qrels")
    parser.add_argument("--qrels", type=Path, help="query-id<TAB>corpus-id<TAB>score")
    parser.add_argument("--limit", type=int, default=1000, help="queries at most (1000)")
    parser.add_argument("--k", type=int, default=1000, help="exact best passages to keep (1000)")
    args = parser.parse_args()

    args.folder.mkdir(parents=True, exist_ok=True)
    links = {"embeddings.npy": args.embeddings, "doclens.npy": args.doclens, "ids": args.ids, "qrels.tsv": args.qrels}
    for name, target in links.items():
        (args.folder / name).unlink(missing_ok=True)
        if target:
            (args.folder / name).symlink_to(target.resolve())
    queries = np.load(args.queries)
    chosen = np.arange(len(queries))
    query_ids = args.query_ids.read_text().splitlines() if args.query_ids else [str(q) for q in chosen]
    if args.qrels:
        judged = {row[0] for row in csv.reader(args.qrels.open(), delimiter="\t")}
        chosen = np.array([q for q in chosen if query_ids[q] in judged])
    if len(chosen) > args.limit:
        chosen = chosen[np.arange(args.limit) * len(chosen) // args.limit]
    np.save(args.folder / "queries.npy", queries[chosen])
    (args.folder / "query-ids").write_text("".join(query_ids[q] + "\n" for q in chosen))

    data = Input(args.folder)
    np.save(args.folder / "exact.npy", exact(data, args.k))
    print(f"{args.folder}: {len(data.doclens())} passages, {len(data.rows())} tokens, {len(chosen)} queries")


def exact(data, k):
    """The k best passages of each query, int32 [queries, k]; of equal scores the lower number first."""
    rows, doclens, queries = data.rows(), data.doclens(), data.queries()
    ends = np.cumsum(doclens)
    k = min(k, len(doclens))
    best = np.empty((len(queries), k), np.int32)
    for first in range(0, len(queries), QUERIES_AT_ONCE):
        group = queries[first : first + QUERIES_AT_ONCE]
        scores = max_sim(rows, doclens, ends, group)
        best[first : first + len(group)] = np.argsort(-scores, axis=0, kind="stable")[:k].T
        print(f"exact: {first + len(group)} of {len(queries)} queries", flush=True)
    return best


def max_sim(rows, doclens, ends, queries):
    """Float MaxSim [passages, queries]; a passage without a token scores minus infinity."""
    columns = np.concatenate(queries).T.copy()
    starts = np.cumsum([0] + [len(query) for query in queries[:-1]])
    scores = np.full((len(doclens), len(queries)), -np.inf, np.float32)
    filled = np.flatnonzero(doclens)
    done = 0
    while done < len(filled):
        first_token = ends[filled[done]] - doclens[filled[done]]
        until = max(done + 1, np.searchsorted(ends[filled], first_token + TOKENS_AT_ONCE, side="right"))
        some = filled[done:until]
        block = rows[first_token : ends[some[-1]]].astype(np.float32) @ columns
        best = np.maximum.reduceat(block, ends[some] - doclens[some] - first_token, axis=0)
        scores[some] = np.add.reduceat(best, starts, axis=1)
        done = until
    return scores


if __name__ == "__main__":
    main()
