/**
 * Synthetic queries for a collection that has none, as in UDAPDR (2303.00807): START at {@link
 * dev.tartan.train.synthetic.Synthesis}, which asks a language model about passages and keeps every
 * answer in a {@link dev.tartan.train.synthetic.Journal}. {@link
 * dev.tartan.train.synthetic.Prompts} is what is asked, {@link
 * dev.tartan.train.synthetic.LlmClient} the protocol (OpenAI's chat completions, which most servers
 * speak), {@link dev.tartan.train.synthetic.RoundTrip} which queries are kept.
 *
 * <p>Floor 4: imports {@code collection} and {@code memory}; knows no index and no model of ours.
 * Answers cost money: none is asked for twice, whenever a run is cut off. What is asked follows
 * from the collection and the seed alone, and results are in the order of the asks, so neither
 * concurrency nor an interruption shows in them.
 */
@NullMarked
package dev.tartan.train.synthetic;

import org.jspecify.annotations.NullMarked;
