"""Encodes passages or queries with PyTorch (transformers' BertModel) or ONNX Runtime, as `./tartan bench encode` does with Tartan: the same
tokens, the longest passages first, the projection and unit length at the end. Batches are of at most BATCH token places.

    encode.py torch|onnx passages|queries MODEL_FOLDER ONNX_FILE FILE N THREADS PASSES BATCH [OUT.npy]

MODEL_FOLDER is what `./tartan bench encode export` writes; ONNX_FILE holds the same backbone (torch does not read it). FILE is JSONL. Needs torch,
transformers, tokenizers, safetensors, onnxruntime.
"""

import json
import os
import string
import sys
import time

runtime, kind, folder, onnx_file, file, n, threads, passes, batch_places = sys.argv[1:10]
threads = int(threads)
os.environ["OMP_NUM_THREADS"] = str(threads)
os.environ["TOKENIZERS_PARALLELISM"] = "true"

import numpy as np  # noqa: E402  (threads are set before)
import tokenizers  # noqa: E402

MAX_LENGTH = 300 if kind == "passages" else 220


def texts():
    with open(file, encoding="utf-8") as lines:
        for _, line in zip(range(int(n)), lines):
            record = json.loads(line)
            title = record.get("title", "")
            yield f"{title} {record['text']}".strip() if title else record["text"]


def batches(sequences):
    order = sorted(range(len(sequences)), key=lambda i: -len(sequences[i]))
    start = 0
    while start < len(order):
        size = max(1, int(batch_places) // len(sequences[order[start]]))
        yield order[start : start + size]
        start += size


def load_torch():
    import torch
    import transformers

    torch.set_num_threads(threads)
    model = transformers.BertModel.from_pretrained(folder, add_pooling_layer=False, attn_implementation="sdpa").eval()

    def run(ids, mask):
        with torch.inference_mode():
            return model(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).last_hidden_state

    import safetensors.torch

    linear = safetensors.torch.load_file(folder + "/model.safetensors")["linear.weight"]

    def project(hidden, kept):
        with torch.inference_mode():
            return torch.nn.functional.normalize(hidden[torch.from_numpy(kept)] @ linear.T, dim=-1).numpy()

    return torch.__version__, run, project


def load_onnx():
    import onnxruntime
    import safetensors.numpy

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(onnx_file, options, providers=["CPUExecutionProvider"])
    linear = safetensors.numpy.load_file(folder + "/model.safetensors")["linear.weight"].T

    def run(ids, mask):
        return session.run(None, dict(input_ids=ids, attention_mask=mask, token_type_ids=np.zeros_like(ids)))[0]

    def project(hidden, kept):
        rows = hidden[kept] @ linear
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    return onnxruntime.__version__, run, project


def main():
    version, run, project = load_torch() if runtime == "torch" else load_onnx()
    tokenizer = tokenizers.Tokenizer.from_file(folder + "/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_LENGTH)
    marks = string.punctuation if kind == "passages" else ""
    skipped = np.array([tokenizer.token_to_id(mark) or -1 for mark in marks], np.int64)

    def encode(documents):
        sequences = [encoding.ids for encoding in tokenizer.encode_batch(documents)]
        rows = [None] * len(sequences)
        for batch in batches(sequences):
            longest = len(sequences[batch[0]])
            ids = np.zeros((len(batch), longest), np.int64)
            mask = np.zeros_like(ids)
            for place, i in enumerate(batch):
                ids[place, : len(sequences[i])] = sequences[i]
                mask[place, : len(sequences[i])] = 1
            kept = (mask == 1) & ~np.isin(ids, skipped)
            projected = project(run(ids, mask), kept)
            for i, part in zip(batch, np.split(projected, np.cumsum(kept.sum(1))[:-1])):
                rows[i] = part
        return rows

    documents = list(texts())
    what = f"{runtime} {version}, {threads} threads: {len(documents)} {kind}"
    if kind == "passages":
        best = best_cpu = float("inf")
        for _ in range(int(passes)):
            cpu, start = time.process_time(), time.perf_counter()
            rows = encode(documents)
            best = min(best, time.perf_counter() - start)
            best_cpu = min(best_cpu, time.process_time() - cpu)
        n_rows = sum(map(len, rows))
        print(
            f"{what}, {n_rows} rows, batches of {batch_places}: {n_rows / best:.0f} rows a second, "
            f"{n_rows / best_cpu:.0f} a CPU second"
        )
    else:
        millis = np.full(len(documents), np.inf)
        for _ in range(int(passes)):
            rows = []
            for i, document in enumerate(documents):
                start = time.perf_counter()
                rows += encode([document])
                millis[i] = min(millis[i], 1e3 * (time.perf_counter() - start))
        p50, p95 = np.percentile(millis, [50, 95])
        print(f"{what}, {sum(map(len, rows)) / len(rows):.1f} rows each: p50 {p50:.2f} ms, p95 {p95:.2f} ms")
    if len(sys.argv) > 10:
        np.save(sys.argv[10], np.concatenate(rows))


main()
