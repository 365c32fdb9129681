/**
 * Training of late-interaction models by distillation: START at {@link dev.tartan.train.Trainer},
 * the run; {@link dev.tartan.train.Distillation} is the loss of one step and {@code AdamW} the
 * optimiser. {@code TrainingState} is what a run resumes from, and the documentation is
 * docs/training.md.
 *
 * <p>Floor 4: imports {@code encode} (the model and its inputs), {@code collection} (examples,
 * queries, metrics), {@code checkpoint} and {@code memory}; LibTorch is used here and in {@code
 * encode.model} only. Knows no index: who mines negatives in one passes them in as examples.
 *
 * <p>Everything that moves the weights is done in a fixed order on one thread, and what is drawn is
 * drawn from the seed and the number of the step: so one seed gives one result, and a run that was
 * cut off has no state but weights, optimiser and step.
 */
@NullMarked
package dev.tartan.train;

import org.jspecify.annotations.NullMarked;
