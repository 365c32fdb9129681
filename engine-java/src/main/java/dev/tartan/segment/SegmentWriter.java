package dev.tartan.segment;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.collection.Span;
import dev.tartan.compute.Backend;
import dev.tartan.compute.Buffer;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import dev.tartan.metadata.ColumnsWriter;
import dev.tartan.metadata.Schema;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes one segment in two passes: first the documents with their passages, ids and texts, as they
 * come; then, once a codec exists, the token embeddings in the same order. Streams to disk; holds
 * nothing that grows with the segment but the {@linkplain ColumnsWriter columns} of its metadata.
 * Confined to one thread. Closing without {@link #finish} leaves files that the next writer
 * removes.
 */
public final class SegmentWriter implements AutoCloseable {
  private final Path directory;
  private final String name;
  private final Map<Component, ArrayFileWriter> open = new EnumMap<>(Component.class);
  private final List<Component> finished = new ArrayList<>();
  private long documents;
  private long passages;
  private long tokens;
  private long written;
  private boolean keepEmbeddings;
  private @Nullable Matrix directions;
  private final ColumnsWriter columns;
  private final CodecFit fit = new CodecFit();
  private final Arena arena = Arena.ofShared();

  /** A segment {@code name} in {@code directory}; texts are stored if {@code withText}. */
  public SegmentWriter(Path directory, String name, boolean withText) {
    this(directory, name, withText, Schema.EMPTY);
  }

  /**
   * A segment {@code name} in {@code directory}; texts are stored if {@code withText}.
   *
   * @param schema the fields of the index, to which documents add
   */
  public SegmentWriter(Path directory, String name, boolean withText, Schema schema) {
    this.directory = directory;
    this.name = name;
    this.columns = new ColumnsWriter(schema);
    create(Component.DOCLENS, DType.I32, 1);
    create(Component.DOCUMENTS, DType.I32, 1);
    create(Component.ID_OFFSETS, DType.I64, 1).writeLong(0);
    create(Component.IDS, DType.U8, 1);
    if (withText) {
      create(Component.TEXT_OFFSETS, DType.I64, 1).writeLong(0);
      create(Component.TEXT, DType.U8, 1);
    }
  }

  /** Begins a document without metadata; the passages added next are its. */
  public void addDocument(String id) {
    addDocument(id, "");
  }

  /**
   * Begins a document; the passages added next are its.
   *
   * @param metadata a JSON object; blank for none
   * @throws dev.tartan.memory.TartanException if the metadata do not fit the fields; nothing is
   *     added then
   */
  public void addDocument(String id, String metadata) {
    if (documents == Integer.MAX_VALUE) {
      throw new IllegalStateException("a segment has at most 2^31 - 1 documents");
    }
    columns.add(id, metadata);
    writeString(Component.ID_OFFSETS, Component.IDS, id);
    if (!metadata.isBlank() && !open.containsKey(Component.METADATA)) {
      ArrayFileWriter offsets = create(Component.METADATA_OFFSETS, DType.I64, 1);
      for (long d = 0; d <= documents; d++) {
        offsets.writeLong(0);
      }
      create(Component.METADATA, DType.U8, 1);
    }
    if (open.containsKey(Component.METADATA)) {
      writeString(Component.METADATA_OFFSETS, Component.METADATA, metadata);
    }
    documents++;
  }

  /** The fields of the index, with those that documents have added. */
  public Schema schema() {
    return columns.schema();
  }

  /**
   * Adds a passage to the current document.
   *
   * @param doclen tokens, 0 or more
   * @param text what it says; ignored if texts are not stored
   * @param span what of its document's text it is; null for all passages or for none
   */
  public void addPassage(int doclen, @Nullable String text, @Nullable Span span) {
    passages++;
    tokens += doclen;
    writer(Component.DOCLENS).writeInt(doclen);
    writer(Component.DOCUMENTS).writeInt((int) (documents - 1));
    if (open.containsKey(Component.TEXT)) {
      writeString(Component.TEXT_OFFSETS, Component.TEXT, text == null ? "" : text);
    }
    addSpan(span);
  }

  private void addSpan(@Nullable Span span) {
    if (span != null && passages == 1) {
      create(Component.SPANS, DType.I32, 2);
    }
    if ((span != null) != open.containsKey(Component.SPANS)) {
      throw new IllegalArgumentException("only some passages have spans");
    }
    if (span != null) {
      writer(Component.SPANS).writeInt(span.from());
      writer(Component.SPANS).writeInt(span.to());
    }
  }

  public long documents() {
    return documents;
  }

  public long passages() {
    return passages;
  }

  public long tokens() {
    return tokens;
  }

  /** Keeps the float16 embeddings beside what is compressed; to be said before the second pass. */
  public void keepEmbeddings() {
    keepEmbeddings = true;
  }

  /** Ends the first pass. */
  public void startEmbeddings(ResidualCodec codec) {
    if (open.containsKey(Component.METADATA)) {
      ArrayFileWriter fields = create(Component.FIELDS, DType.U8, 1);
      columns.write(
          new OutputStream() {
            @Override
            public void write(int value) {
              fields.write(new byte[] {(byte) value});
            }

            @Override
            public void write(byte[] bytes, int offset, int length) {
              fields.write(MemorySegment.ofArray(bytes).asSlice(offset, length));
            }
          });
    }
    List.copyOf(open.keySet()).forEach(this::complete);
    create(Component.CODES, codec.codeType(), 1);
    if (codec.compressed()) {
      create(Component.RESIDUALS, DType.U8, codec.residualBytes());
      create(Component.FACTORS, DType.U16, 1);
    }
    if (keepEmbeddings || !codec.compressed()) {
      create(Component.EMBEDDINGS, DType.F16, codec.dim());
    }
  }

  /**
   * Compresses and writes the next token embeddings.
   *
   * @param rows [n, dim], rows of unit length
   */
  public void addEmbeddings(Matrix rows, ResidualCodec codec, Backend backend) {
    try (Scope scope = backend.openScope();
        Arena copies = Arena.ofConfined()) {
      Matrix nearest = directions(codec, backend);
      Buffer values = scope.wrap(rows);
      Buffer codes = scope.allocate(DType.I32, rows.rows(), 1);
      backend.nearestCentroids(values, scope.wrap(nearest), codes);
      MemorySegment wide = copies.allocate(codes.bytes(), 64);
      codes.copyTo(wide);
      fit.add(rows, wide, nearest);
      MemorySegment narrow = codec.codeType() == DType.U16 ? narrow(wide, copies) : wide;
      MemorySegment halves = open.containsKey(Component.EMBEDDINGS) ? halves(rows, copies) : null;
      if (codec.compressed()) {
        Buffer residuals = scope.allocate(DType.U8, rows.rows(), codec.residualBytes());
        Buffer factors = scope.allocate(DType.U16, rows.rows(), 1);
        if (codec.rotation() != null) {
          values = codec.rotation().rotate(values, backend, scope);
        }
        backend.compress(values, codes, codec.tables(scope), residuals, factors);
        addStored(narrow, copy(residuals, copies), copy(factors, copies), halves);
      } else {
        addStored(narrow, null, null, halves);
      }
    }
  }

  /**
   * Writes the next tokens as another segment of the same codec stores them.
   *
   * @param codes of the codec's type, [n]
   * @param residuals U8 [n, bytes of one]; null if the codec does not compress
   * @param factors U16 [n]; null if the codec does not compress
   * @param embeddings F16 [n, dim]; null if none are kept
   */
  public void addStored(
      MemorySegment codes,
      @Nullable MemorySegment residuals,
      @Nullable MemorySegment factors,
      @Nullable MemorySegment embeddings) {
    ArrayFileWriter out = writer(Component.CODES);
    long before = out.bytes();
    out.write(codes);
    addStored(Component.RESIDUALS, residuals);
    addStored(Component.FACTORS, factors);
    addStored(Component.EMBEDDINGS, embeddings);
    written += (out.bytes() - before) / out.rowBytes();
  }

  private void addStored(Component component, @Nullable MemorySegment values) {
    if (open.containsKey(component) != (values != null)) {
      throw new IllegalArgumentException(component + " do not belong to this segment");
    }
    if (values != null) {
      writer(component).write(values);
    }
  }

  /** What the tokens say of a codec that was trained for them; some were compressed here. */
  public Manifest.Training training() {
    return fit.training();
  }

  /**
   * Builds the inverted lists and the order of the ids, and completes the segment.
   *
   * @param entry of {@code codec}; if it tells of the training, the fit is told too
   */
  public Manifest.SegmentEntry finish(ResidualCodec codec, Manifest.CodecEntry entry) {
    if (written != tokens) {
      throw new IllegalStateException(
          "%d token embeddings were written, the passages have %d".formatted(written, tokens));
    }
    List.copyOf(open.keySet()).forEach(this::complete);
    new InvertedLists(directory, name, codec).build();
    finished.add(Component.LIST_LENGTHS);
    finished.add(Component.LISTS);
    IdOrder.write(directory, name);
    finished.add(Component.ID_ORDER);
    Manifest.Training known = entry.training();
    return new Manifest.SegmentEntry(
        name,
        documents,
        passages,
        tokens,
        Segment.extensions(finished),
        entry.file(),
        null,
        known == null || !fit.measured() ? null : fit.fit(known));
  }

  @Override
  public void close() {
    arena.close();
    open.values().forEach(ArrayFileWriter::close);
    open.clear();
  }

  private Matrix directions(ResidualCodec codec, Backend backend) {
    if (directions == null) {
      directions = codec.directions(backend, arena);
    }
    return directions;
  }

  private static MemorySegment halves(Matrix rows, Arena arena) {
    MemorySegment halves = arena.allocate(rows.rows() * rows.dim() * Short.BYTES, 64);
    Layouts.floatToHalf(rows.data(), halves, rows.rows() * rows.dim());
    return halves;
  }

  private static MemorySegment narrow(MemorySegment wide, Arena arena) {
    long n = wide.byteSize() / Integer.BYTES;
    MemorySegment narrow = arena.allocate(n * Short.BYTES, 64);
    for (long i = 0; i < n; i++) {
      narrow.setAtIndex(Layouts.U16, i, (short) wide.getAtIndex(Layouts.I32, i));
    }
    return narrow;
  }

  private static MemorySegment copy(Buffer values, Arena arena) {
    MemorySegment copy = arena.allocate(values.bytes(), 64);
    values.copyTo(copy);
    return copy;
  }

  private void writeString(Component offsets, Component bytes, String value) {
    writer(bytes).write(value.getBytes(StandardCharsets.UTF_8));
    writer(offsets).writeLong(writer(bytes).bytes());
  }

  private ArrayFileWriter create(Component component, DType dtype, long columns) {
    ArrayFileWriter writer =
        new ArrayFileWriter(
            directory.resolve(name + "." + component.extension()), component, dtype, columns);
    open.put(component, writer);
    return writer;
  }

  private ArrayFileWriter writer(Component component) {
    ArrayFileWriter writer = open.get(component);
    if (writer == null) {
      throw new IllegalStateException(component + " is not being written now");
    }
    return writer;
  }

  private void complete(Component component) {
    try (ArrayFileWriter writer = writer(component)) {
      writer.finish();
    }
    open.remove(component);
    finished.add(component);
  }
}
