/**
 * Weight files of published models: safetensors, PyTorch state dicts and ONNX, all behind {@link
 * dev.tartan.checkpoint.Weights}. Bytes are mapped, not copied, and nothing in a file is ever
 * executed: a pickle that asks for more than tensors is refused by name.
 *
 * <p>Imports {@code memory} only. What the tensors mean is known in {@code encode}.
 */
@NullMarked
package dev.tartan.checkpoint;

import org.jspecify.annotations.NullMarked;
