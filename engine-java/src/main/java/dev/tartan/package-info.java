/**
 * START HERE. {@link dev.tartan.LateInteraction} is the front door: open a model, index documents,
 * search them, rerank. {@link dev.tartan.Tartan} is an index open for searching in words, {@link
 * dev.tartan.EncodedDocuments} a few documents in memory. {@link dev.tartan.TextIndexer} makes an
 * index of texts, {@link dev.tartan.CollectionReranker} ranks without one, {@link
 * dev.tartan.Backends} makes the engines that do the numbers.
 *
 * <p>Data flows one way: text → token embeddings ({@code encode}) → codec ({@code codec}) → segment
 * ({@code segment}) → candidates → scores → hits ({@code search}); {@code indexing} writes what
 * {@code search} reads, and all numeric work goes through {@code compute}. {@code train} makes
 * models better; it uses {@code encode} and never sees an index. Text and index meet only here, on
 * the top floor. A package imports only from lower floors: {@code 6 tartan, cli, capi · 5 search,
 * indexing · 4 segment, train · 3 codec, encode · 2 compute, checkpoint, collection · 1 memory}.
 */
@NullMarked
package dev.tartan;

import org.jspecify.annotations.NullMarked;
