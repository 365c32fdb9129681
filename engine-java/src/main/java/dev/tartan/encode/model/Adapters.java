package dev.tartan.encode.model;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The bottlenecks of one layer, one a language (X-MOD, 2205.06266).
 *
 * @param norm run on what the bottleneck reads; null for none
 * @param addsNormed whether the bottleneck adds to what {@code norm} gives instead of to its input
 * @param down [hidden / reduction, hidden] of each language
 * @param up [hidden, hidden / reduction] of each language
 */
record Adapters(
    @Nullable Norm norm,
    boolean addsNormed,
    List<Linear> down,
    Activation activation,
    List<Linear> up) {

  Tensor apply(Tensor x, int language) {
    Tensor normed = norm == null ? x : norm.apply(x);
    Tensor narrow = activation.apply(down.get(language).apply(normed));
    return up.get(language).apply(narrow).add_(addsNormed ? normed : x);
  }
}
