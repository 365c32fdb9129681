package dev.tartan.train;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Where a run comes from and goes to, and what does not change its result.
 *
 * @param model as in {@link dev.tartan.encode.Encoders#parts}
 * @param language of all texts, for models with a part for each; null for that of the checkpoint
 * @param out the folder for the trained model; the run keeps its state, log and curve in {@code
 *     training/} within it
 * @param saveEvery steps between states to resume from
 * @param measureEvery steps between measurements on the development queries
 * @param resume whether to go on with the run that {@code out} holds
 * @param threads that measure, and run a frozen backbone; the result does not depend on them
 */
public record TrainRun(
    String model,
    @Nullable String language,
    Path out,
    int saveEvery,
    int measureEvery,
    boolean resume,
    int threads) {}
