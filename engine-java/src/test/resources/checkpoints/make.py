"""Makes the checkpoints in this folder: tiny, with random weights, each with what transformers computes for a few texts.

Needs torch, transformers, tokenizers, safetensors. Run in this folder: python make.py
Expected tensors: query.N and passage.N are the rows of text N; pair.N the logit of (text N, text N + 1).
"""

import json
import os

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (DistilBertConfig, DistilBertModel, ModernBertConfig, ModernBertModel, RobertaConfig,
                          RobertaModel, XLMRobertaConfig, XLMRobertaForSequenceClassification, XLMRobertaModel,
                          XmodConfig, XmodModel)

TEXTS = json.load(open("texts.json"))
PUNCTUATION = list("!,.?")


def tokenizer(kind, pad, extra=()):
    bert = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    roberta = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    special = (bert if kind in ("wordpiece", "bpe-bert") else roberta) + list(extra)
    unk = "[UNK]" if special[0] == "[PAD]" else "<unk>"
    if kind == "wordpiece":
        t = Tokenizer(models.WordPiece(unk_token=unk))
        t.normalizer = normalizers.BertNormalizer(lowercase=True)
        t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=110, special_tokens=special, show_progress=False)
    elif kind.startswith("bpe"):
        t = Tokenizer(models.BPE(unk_token=None))
        t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        t.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(vocab_size=110, special_tokens=special, show_progress=False)
    else:
        t = Tokenizer(models.Unigram())
        t.normalizer = normalizers.NFKC()
        t.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=90, special_tokens=special, unk_token=unk, show_progress=False)
    t.train_from_iterator(TEXTS, trainer)
    a, b = ("[CLS]", "[SEP]") if unk == "[UNK]" else ("<s>", "</s>")
    pair = f"{a} $A {b} $B:1 {b}:1" if unk == "[UNK]" else f"{a} $A {b} {b} $B {b}"
    t.post_processor = processors.TemplateProcessing(
        single=f"{a} $A {b}", pair=pair, special_tokens=[(a, t.token_to_id(a)), (b, t.token_to_id(b))])
    return t


def dump(folder, name, value):
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/{name}", "w") as f:
        json.dump(value, f, indent=1)
        f.write("\n")


def randomise(module, seed):
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in module.named_parameters():
            scale = 0.3 if p.dim() > 1 else 0.1
            p.copy_(torch.randn(p.shape, generator=g) * scale + (1 if "norm" in name.lower() and "weight" in name else 0))
    return module.eval()


def ids_of(t, text, length, marker=None, pad_to=0, prefix=""):
    ids = t.encode(prefix + text, add_special_tokens=False).ids
    one = t.encode("a").ids
    around = 2 + (marker is not None)
    ids = [one[0]] + ([marker] if marker is not None else []) + ids[: length - around] + [one[-1]]
    attended = len(ids)
    mask = t.token_to_id("[MASK]")
    mask = t.token_to_id("<mask>") if mask is None else mask
    return ids + [mask] * (pad_to - len(ids)), attended


def hidden(model, ids, attended, **more):
    mask = torch.tensor([[1] * attended + [0] * (len(ids) - attended)])
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids]), attention_mask=mask, **more).last_hidden_state[0]


def unit(x):
    return F.normalize(x, dim=-1).detach().contiguous()


def state(model, prefix, dtype=torch.float32):
    return {prefix + k: v.detach().to(dtype).contiguous().clone() for k, v in model.state_dict().items()
            if not k.startswith("pooler.")}


def rounded(model, dtype):
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(p.to(dtype).float())
    return model


def distilbert():
    """Stanford layout in two safetensors files, queries padded with attended [MASK]."""
    out = "distilbert-shards"
    t = tokenizer("wordpiece", 0, ["[unused0]", "[unused1]"])
    config = DistilBertConfig(vocab_size=t.get_vocab_size(), dim=16, n_heads=2, n_layers=2, hidden_dim=24,
                              max_position_embeddings=48)
    model = randomise(DistilBertModel(config), 1)
    linear = randomise(torch.nn.Linear(16, 8, bias=False), 2)
    os.makedirs(out, exist_ok=True)
    t.save(f"{out}/tokenizer.json")
    config.save_pretrained(out)
    dump(out, "artifact.metadata", {"query_token_id": "[unused0]", "doc_token_id": "[unused1]", "dim": 8,
                                    "query_maxlen": 16, "doc_maxlen": 40, "mask_punctuation": False,
                                    "attend_to_mask_tokens": True})
    tensors = state(model, "distilbert.") | {"linear.weight": linear.weight.detach()}
    names = sorted(tensors)
    files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    for i, f in enumerate(files):
        save_file({n: tensors[n] for n in names[i::2]}, f"{out}/{f}")
    dump(out, "model.safetensors.index.json", {"metadata": {}, "weight_map": {n: files[i % 2] for i, n in enumerate(names)}})
    expected = {}
    for i, text in enumerate(TEXTS):
        ids, _ = ids_of(t, text, 16, t.token_to_id("[unused0]"), 16)
        expected[f"query.{i}"] = unit(linear(hidden(model, ids, 16)))
        ids, n = ids_of(t, text, 40, t.token_to_id("[unused1]"))
        expected[f"passage.{i}"] = unit(linear(hidden(model, ids, n)))
    save_file(expected, f"{out}/expected.safetensors")


def pylate(out, t, config, model, dtype, dense, settings, backbone=""):
    """modules.json with a backbone and dense modules: (out, bias, activation, residual)."""
    folder = os.path.join(out, backbone)
    os.makedirs(folder, exist_ok=True)
    t.save(f"{folder}/tokenizer.json")
    dump(folder, "config.json", config)
    save_file(state(model, "", dtype), f"{folder}/model.safetensors")
    modules = [{"idx": 0, "name": "0", "path": backbone, "type": "sentence_transformers.models.Transformer"}]
    size = model.config.hidden_size
    layers = []
    for i, (to, bias, activation, residual) in enumerate(dense, 1):
        linear = randomise(torch.nn.Linear(size, to, bias=bias), 10 + i)
        shortcut = randomise(torch.nn.Linear(size, to, bias=False), 20 + i) if residual and size != to else None
        name = f"{i}_Dense"
        modules.append({"idx": i, "name": str(i), "path": name, "type": "pylate.models.Dense.Dense"})
        dump(f"{out}/{name}", "config.json", {"in_features": size, "out_features": to, "bias": bias,
             "activation_function": f"torch.nn.modules.{activation}", "use_residual": residual})
        tensors = {f"linear.{k}": v for k, v in linear.state_dict().items()}
        if shortcut is not None:
            tensors["residual.weight"] = shortcut.weight.detach()
        torch.save(tensors, f"{out}/{name}/pytorch_model.bin") if i == 1 else save_file(tensors, f"{out}/{name}/model.safetensors")
        function = {"Tanh": torch.tanh, "GELU": F.gelu, "Identity": lambda x: x}[activation.split(".")[-1]]
        layers.append((linear, function, residual, shortcut))
        size = to
    modules.append({"idx": len(modules), "name": "n", "path": "9_Normalize", "type": "sentence_transformers.models.Normalize"})
    os.makedirs(f"{out}/9_Normalize", exist_ok=True)
    dump(out, "modules.json", modules)
    dump(out, "config_sentence_transformers.json", settings)

    def head(x):
        for linear, function, residual, shortcut in layers:
            y = function(linear(x))
            x = y + (shortcut(x) if shortcut is not None else x) if residual else y
        return unit(x)

    return head


def roberta():
    """PyLate, backbone in a folder of its own, float16, three dense modules, no markers, no expansion."""
    out = "roberta-modules"
    t = tokenizer("bpe", 1)
    config = RobertaConfig(vocab_size=t.get_vocab_size(), hidden_size=16, num_attention_heads=2, num_hidden_layers=2,
                           intermediate_size=24, max_position_embeddings=50, type_vocab_size=1, pad_token_id=1)
    model = rounded(randomise(RobertaModel(config, add_pooling_layer=False), 3), torch.float16)
    settings = {"query_prefix": "", "document_prefix": "", "query_length": 16, "document_length": 40,
                "do_query_expansion": False, "attend_to_expansion_tokens": True, "skiplist_words": PUNCTUATION}
    head = pylate(out, t, config.to_dict(), model, torch.float16,
                  [(24, True, "activation.Tanh", False), (24, False, "activation.GELU", True), (8, True, "linear.Identity", True)],
                  settings, "0_Transformer")
    skipped = {t.token_to_id(w) if t.token_to_id(w) is not None else t.token_to_id("<unk>") for w in PUNCTUATION}
    expected = {}
    for i, text in enumerate(TEXTS):
        ids, n = ids_of(t, text, 16)
        expected[f"query.{i}"] = head(hidden(model, ids, n))
        ids, n = ids_of(t, text, 40)
        rows = head(hidden(model, ids, n))
        expected[f"passage.{i}"] = rows[[k for k, x in enumerate(ids) if x not in skipped]].contiguous()
    save_file(expected, f"{out}/expected.safetensors")


def modernbert():
    """PyLate, bfloat16, biases, the older configuration keys, prefixes as text, attended expansion."""
    out = "modernbert-text-prefixes"
    t = tokenizer("bpe-bert", 0)
    config = ModernBertConfig(vocab_size=t.get_vocab_size(), hidden_size=16, num_attention_heads=2, num_hidden_layers=4,
                              intermediate_size=20, max_position_embeddings=64, local_attention=6, norm_bias=True,
                              attention_bias=True, mlp_bias=True, global_attn_every_n_layers=3, pad_token_id=0,
                              cls_token_id=2, sep_token_id=3, bos_token_id=2, eos_token_id=3)
    model = rounded(randomise(ModernBertModel(config), 4), torch.bfloat16)
    older = {"model_type": "modernbert", "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 4,
             "intermediate_size": 20, "max_position_embeddings": 64, "local_attention": 6, "norm_bias": True,
             "attention_bias": True, "mlp_bias": True, "global_attn_every_n_layers": 3, "norm_eps": 1e-05,
             "global_rope_theta": 160000.0, "local_rope_theta": 10000.0, "hidden_activation": "gelu"}
    settings = {"query_prefix": "query: ", "document_prefix": "passage: ", "query_length": 24, "document_length": 60,
                "do_query_expansion": True, "attend_to_expansion_tokens": True, "skiplist_words": []}
    head = pylate(out, t, older, model, torch.bfloat16, [(8, False, "linear.Identity", False)], settings)
    expected = {}
    for i, text in enumerate(TEXTS):
        ids, _ = ids_of(t, text, 24, None, 24, "query: ")
        expected[f"query.{i}"] = head(hidden(model, ids, 24))
        ids, n = ids_of(t, text, 60, None, 0, "passage: ")
        expected[f"passage.{i}"] = head(hidden(model, ids, n))
    save_file(expected, f"{out}/expected.safetensors")


def bge():
    """XLM-RoBERTa in two PyTorch files, with BGE-M3's head beside it."""
    out = "bge-m3"
    t = tokenizer("unigram", 1)
    config = XLMRobertaConfig(vocab_size=t.get_vocab_size(), hidden_size=16, num_attention_heads=2, num_hidden_layers=2,
                              intermediate_size=24, max_position_embeddings=516, type_vocab_size=1, pad_token_id=1)
    model = randomise(XLMRobertaModel(config, add_pooling_layer=False), 5)
    linear = randomise(torch.nn.Linear(16, 16), 6)
    os.makedirs(out, exist_ok=True)
    t.save(f"{out}/tokenizer.json")
    config.save_pretrained(out)
    torch.save(linear.state_dict(), f"{out}/colbert_linear.pt")
    dump(out, "modules.json", [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}])
    tensors = state(model, "")
    names = sorted(tensors)
    files = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"]
    for i, f in enumerate(files):
        torch.save({n: tensors[n] for n in names[i::2]}, f"{out}/{f}")
    dump(out, "pytorch_model.bin.index.json", {"metadata": {}, "weight_map": {n: files[i % 2] for i, n in enumerate(names)}})
    expected = {}
    for i, text in enumerate(TEXTS):
        ids, n = ids_of(t, text, 512)
        expected[f"query.{i}"] = expected[f"passage.{i}"] = unit(linear(hidden(model, ids, n))[1:])
    save_file({k: v.clone() for k, v in expected.items()}, f"{out}/expected.safetensors")


def xmod():
    """X-MOD whose adapters have a normalisation of their own and add to what they read; a default language is missing."""
    out = "xmod-own-norm"
    t = tokenizer("unigram", 1)
    config = XmodConfig(vocab_size=t.get_vocab_size(), hidden_size=16, num_attention_heads=2, num_hidden_layers=2,
                        intermediate_size=24, max_position_embeddings=50, type_vocab_size=1, pad_token_id=1,
                        adapter_layer_norm=True, adapter_reuse_layer_norm=False, ln_before_adapter=False,
                        adapter_reduction_factor=4, languages=["en_XX", "zh_CN", "zh_TW"])
    model = randomise(XmodModel(config, add_pooling_layer=False), 7)
    linear = randomise(torch.nn.Linear(16, 8, bias=False), 8)
    os.makedirs(out, exist_ok=True)
    t.save(f"{out}/tokenizer.json")
    config.save_pretrained(out)
    dump(out, "artifact.metadata", {"query_token_id": "[unused0]", "doc_token_id": "[unused1]", "dim": 8,
                                    "query_maxlen": 16, "doc_maxlen": 40, "mask_punctuation": False})
    save_file(state(model, "roberta.") | {"linear.weight": linear.weight.detach()}, f"{out}/model.safetensors")
    expected = {}
    language = {"lang_ids": torch.tensor([2])}
    for i, text in enumerate(TEXTS):
        ids, n = ids_of(t, text, 16, t.token_to_id("<unk>"), 16)
        expected[f"query.{i}"] = unit(linear(hidden(model, ids, n, **language)))
        ids, n = ids_of(t, text, 40, t.token_to_id("<unk>"))
        expected[f"passage.{i}"] = unit(linear(hidden(model, ids, n, **language)))
    save_file(expected, f"{out}/expected.safetensors")


def cross():
    """XLM-RoBERTa with a classification head of one output."""
    out = "xlmr-cross-encoder"
    t = tokenizer("unigram", 1)
    config = XLMRobertaConfig(vocab_size=t.get_vocab_size(), hidden_size=16, num_attention_heads=2, num_hidden_layers=2,
                              intermediate_size=24, max_position_embeddings=66, type_vocab_size=1, pad_token_id=1, num_labels=1)
    model = randomise(XLMRobertaForSequenceClassification(config), 9)
    os.makedirs(out, exist_ok=True)
    t.save(f"{out}/tokenizer.json")
    config.save_pretrained(out)
    save_file(state(model, ""), f"{out}/model.safetensors")
    t.enable_truncation(64, strategy="longest_first")
    expected = {}
    for i in range(len(TEXTS) - 1):
        e = t.encode(TEXTS[i], TEXTS[i + 1])
        with torch.no_grad():
            expected[f"pair.{i}"] = model(input_ids=torch.tensor([e.ids])).logits[0].clone()
    save_file(expected, f"{out}/expected.safetensors")


for make in (distilbert, roberta, modernbert, bge, xmod, cross):
    torch.manual_seed(0)
    make()
