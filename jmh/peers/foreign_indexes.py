"""Makes the small indexes that the tests of `tartan import` read, with the engines themselves, in every state that an index of theirs
can be in, and notes what the engine ranks best in each when it scores everything.

    foreign_indexes.py OUT [colbert-ai|fast-plaid]...
    NEXT_PLAID_FLOAT_RESCORE=1 drive-next-plaid states OUT       (of next-plaid/, on what this wrote: OUT/*.npy)
    foreign_indexes.py OUT pack RESOURCES                        (engine-java/src/test/resources/interop)

OUT gets `embeddings.npy` [tokens, dim], `doclens.npy`, `queries.npy` [queries, rows, dim] and a folder a state, in it the index and
`expected.json`: the ten best of each query, ids and scores. `pack` makes an archive of each, without raw embeddings.
"""

import json
import os
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
import torch

DIM, DOCUMENTS, FIRST, QUERIES, ROWS = 32, 100, 70, 5, 6
STRANGE = 80  # documents from here on lie around other directions: they make centroids grow
BATCH = 30  # passages a chunk
DELETED = [3, 40, 41, 68, 75]


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def make_data(out):
    random = np.random.default_rng(7)
    # In common they have what keeps all similarities positive, as those of models mostly are: colbert-ai scores no others on a CPU.
    topics = unit(unit(random.normal(size=(24, DIM))) + 1.2 * unit(np.ones(DIM)))
    doclens = random.integers(3, 12, DOCUMENTS).astype(np.int32)
    rows = []
    for document, doclen in enumerate(doclens):
        known = topics[16:] if document >= STRANGE else topics[:16]
        chosen = known[random.integers(0, len(known), doclen)]
        rows.append(unit(chosen + 0.08 * random.normal(size=chosen.shape)))
    queries = unit(topics[random.integers(0, 24, (QUERIES, ROWS))] + 0.08 * random.normal(size=(QUERIES, ROWS, DIM)))
    np.save(out / "embeddings.npy", np.concatenate(rows).astype(np.float16))
    np.save(out / "doclens.npy", doclens)
    np.save(out / "queries.npy", queries.astype(np.float32))


class Data:
    def __init__(self, out):
        self.rows = np.load(out / "embeddings.npy").astype(np.float32)
        self.doclens = np.load(out / "doclens.npy")
        self.queries = torch.from_numpy(np.load(out / "queries.npy"))
        self.documents = list(torch.from_numpy(self.rows).split(self.doclens.tolist()))


def save_expected(folder, hits):
    """hits: for each query pairs of id and score, best first."""
    best = [[[str(passage), float(score)] for passage, score in query[:10]] for query in hits]
    (folder / "expected.json").write_text(json.dumps(best) + "\n")


# colbert-ai


def colbert_ai(out):
    from colbert.infra import ColBERTConfig
    from colbert.modeling.colbert import ColBERT

    import drive_colbert_ai as driver

    data = Data(out)
    ColBERT.try_load_torch_extensions(False)

    def build(name, nbits, batch=BATCH):
        folder = out / name
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "index").mkdir(parents=True)
        torch.manual_seed(7)
        config = ColBERTConfig(nbits=nbits, index_path=str(folder / "index"), dim=DIM, avoid_fork_if_possible=True, checkpoint="some/model")
        indexer = driver.Indexer(config, Passages(data))
        # more than one chunk: the engine makes them of 25,000 passages
        indexer.collection.get_chunksize = lambda: batch
        indexer.run([[None]])
        return folder, config

    def forget_paths(folder):
        for file in (folder / "index" / "plan.json", folder / "index" / "metadata.json"):
            told = json.loads(file.read_text())
            told["config"].update(index_path="index", root="experiments")
            file.write_text(json.dumps(told, indent=1) + "\n")

    def rank(folder, config):
        scorer = driver.open_index(str(folder / "index"))
        everything = ColBERTConfig.from_existing(
            config, ColBERTConfig(ncells=scorer.codec.centroids.shape[0], centroid_score_threshold=-1.0, ndocs=4 * DOCUMENTS)
        )
        hits = []
        for query in data.queries:
            passages, scores = scorer.rank(everything, query[None])[:2]
            hits.append(list(zip(passages, scores)))
        save_expected(folder, hits)
        forget_paths(folder)

    for nbits in (1, 2):
        rank(*build(f"colbert-ai-{nbits}bit", nbits))
    folder, config = build("colbert-ai-updated", 4, FIRST)  # of several chunks, IndexUpdater cannot write what was added
    update_colbert_ai(folder / "index", config, data)
    rank(folder, config)


class Passages(Data):
    """The input of the driver of the benchmarks, from memory."""

    def __init__(self, data):
        self.data, self.count = data, FIRST

    def rows(self):
        return self.data.rows[: self.data.doclens[: self.count].sum()]

    def doclens(self):
        return self.data.doclens[: self.count]


def update_colbert_ai(path, config, data):
    """Removes and adds passages with the engine's own IndexUpdater, and has it write them."""
    from types import SimpleNamespace

    from colbert.index_updater import IndexUpdater

    import drive_colbert_ai as driver

    scorer = driver.open_index(str(path))
    config.index_path = str(path)
    searcher = SimpleNamespace(ranker=scorer, index=str(path), config=config)
    updater = IndexUpdater(config, searcher)
    updater.has_checkpoint = True
    added = data.documents[FIRST:]
    updater.encoder = SimpleNamespace(encode_passages=lambda passages: (torch.cat(added), [len(d) for d in added]))
    updater.curr_ivf = updater.curr_ivf[: updater.curr_ivf_lengths.sum()]  # with the padding of the file, add fails
    updater.remove(DELETED[:4])
    updater.add([str(p) for p in range(len(added))])
    updater.persist_to_disk()


# fast-plaid


def fast_plaid(out):
    from fast_plaid import search

    data = Data(out)

    def folder_of(name):
        folder = out / f"fast-plaid-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def create(folder, nbits=4, **more):
        torch.manual_seed(7)
        index = search.FastPlaid(str(folder / "index"), device="cpu")
        index.create(data.documents[:FIRST], nbits=nbits, batch_size=BATCH, **more)
        return index

    def rank(folder, index):
        index.close()
        index = search.FastPlaid(str(folder / "index"), device="cpu")
        partitions = json.loads((folder / "index" / "metadata.json").read_text())["num_partitions"]
        hits = [
            index.search(query[None], top_k=10, n_ivf_probe=partitions, n_full_scores=4 * DOCUMENTS, show_progress=False)[0]
            for query in data.queries
        ]
        index.close()
        save_expected(folder, hits)

    def metadata(documents):
        return [{"title": f"title {d}", "year": 1990 + d, "share": d / 8, "tags": None if d % 2 else "odd"} for d in documents]

    folder = folder_of("fresh")
    rank(folder, create(folder, metadata=metadata(range(FIRST))))

    folder = folder_of("buffered")
    index = create(folder, nbits=2, start_from_scratch=0)
    index.update(data.documents[FIRST:STRANGE], batch_size=BATCH, start_from_scratch=0, buffer_size=100)
    rank(folder, index)

    folder = folder_of("expanded")
    index = create(folder, start_from_scratch=0)
    index.update(data.documents[FIRST:], batch_size=BATCH, start_from_scratch=0, buffer_size=20)
    rank(folder, index)

    folder = folder_of("deleted")
    index = create(folder, start_from_scratch=0, metadata=metadata(range(FIRST)))
    index.update(data.documents[FIRST:], batch_size=BATCH, start_from_scratch=0, buffer_size=20, metadata=metadata(range(FIRST, DOCUMENTS)))
    index.delete(DELETED)
    rank(folder, index)

    # the layout of before 1.7, which keeps the chunks' files
    os.environ["FAST_PLAID_KEEP_SHARDS"] = "1"
    folder = folder_of("shards")
    index = create(folder, start_from_scratch=0)
    index.update(data.documents[FIRST:], batch_size=BATCH, start_from_scratch=0, buffer_size=20)
    index.delete(DELETED)
    rank(folder, index)
    del os.environ["FAST_PLAID_KEEP_SHARDS"]
    for derived in (folder / "index").glob("merged_*"):
        derived.unlink()


def pack(out, resources):
    resources.mkdir(parents=True, exist_ok=True)
    shutil.copy(out / "queries.npy", resources)
    for state in sorted(path for path in out.iterdir() if path.is_dir()):
        with zipfile.ZipFile(resources / f"{state.name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(path for path in state.rglob("*") if path.is_file()):
                if file.name not in ("embeddings.npy", "buffer.npy", "metadata.db-shm") and file.suffix != ".lock":
                    archive.writestr(zipfile.ZipInfo(str(file.relative_to(state))), file.read_bytes(), zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    if sys.argv[2:3] == ["pack"]:
        sys.exit(pack(target, Path(sys.argv[3])))
    if not (target / "embeddings.npy").exists():
        make_data(target)
    for engine in sys.argv[2:] or ["colbert-ai", "fast-plaid"]:
        {"colbert-ai": colbert_ai, "fast-plaid": fast_plaid}[engine](target)
