package dev.tartan.segment;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.collection.Span;
import dev.tartan.compute.Buffer;
import dev.tartan.compute.CompressedPassages;
import dev.tartan.compute.InvertedListTables;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import dev.tartan.metadata.Columns;
import dev.tartan.metadata.Filter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.roaringbitmap.RoaringBitmap;

/**
 * The passages of one segment as mapped arrays. Immutable and safe for any number of threads; valid
 * until its snapshot closes.
 */
public final class Segment {
  private final Manifest.SegmentEntry entry;
  private final ResidualCodec codec;
  private final Map<Component, ArrayFile> files = new EnumMap<>(Component.class);
  private final MemorySegment tokenOffsets;
  private final MemorySegment listOffsets;

  /** A bit for each document, and for each passage; null while all live. */
  private final @Nullable ArrayFile live;

  private final @Nullable MemorySegment livePassages;

  /** The documents by their ids; made at first use for a segment of an earlier build. */
  private volatile @Nullable MemorySegment idOrder;

  private volatile @Nullable Columns columns;

  private Segment(Path directory, Manifest.SegmentEntry entry, ResidualCodec codec, Arena arena) {
    this.entry = entry;
    this.codec = codec;
    for (Component component : Component.values()) {
      if (entry.components().contains(component.extension())) {
        Path path = directory.resolve(entry.name() + "." + component.extension());
        files.put(component, check(ArrayFile.open(path, component, arena)));
      }
    }
    this.tokenOffsets = PrefixSums.of(file(Component.DOCLENS), entry.tokens(), arena);
    this.listOffsets =
        PrefixSums.of(file(Component.LIST_LENGTHS), file(Component.LISTS).rows(), arena);
    this.live = openLive(directory, arena);
    this.livePassages = live == null ? null : livePassages(live.data(), arena);
  }

  private @Nullable ArrayFile openLive(Path directory, Arena arena) {
    Manifest.Living living = entry.living();
    return living == null
        ? null
        : ArrayFile.open(directory.resolve(living.file()), Component.LIVE, arena)
            .expect(DType.I64, Long.BYTES)
            .expectRows(Bits.words(entry.documents()));
  }

  private MemorySegment livePassages(MemorySegment documents, Arena arena) {
    MemorySegment bits = Bits.allocate(entry.passages(), arena);
    for (int p = 0; p < passages(); p++) {
      int document = document(p);
      if (document >= 0 && document < entry.documents() && Bits.get(documents, document)) {
        Bits.set(bits, p);
      }
    }
    return bits;
  }

  static Segment open(
      Path directory, Manifest.SegmentEntry entry, ResidualCodec codec, Arena arena) {
    return new Segment(directory, entry, codec, arena);
  }

  /** What the manifest says of it. */
  public Manifest.SegmentEntry entry() {
    return entry;
  }

  /** The codec that its tokens were compressed with. */
  public ResidualCodec codec() {
    return codec;
  }

  /** Passages as they were written, the deleted ones included; so are documents and tokens. */
  public int passages() {
    return Math.toIntExact(entry.passages());
  }

  public long documents() {
    return entry.documents();
  }

  public long tokens() {
    return entry.tokens();
  }

  /** Whether a document has not been deleted. */
  public boolean isLive(int document) {
    return live == null || Bits.get(live.data(), document);
  }

  /** I64: bit p % 64 of word p / 64 is set while passage p lives; null if all do. */
  public @Nullable MemorySegment livePassages() {
    return livePassages;
  }

  /** The living document with an external id; -1 if there is none. */
  public int find(String id) {
    int document = IdOrder.find(this, idOrder(), id);
    return document >= 0 && isLive(document) ? document : -1;
  }

  private MemorySegment idOrder() {
    MemorySegment order = idOrder;
    if (order == null) {
      order =
          files.containsKey(Component.ID_ORDER)
              ? file(Component.ID_ORDER).data()
              : IdOrder.of(file(Component.ID_OFFSETS).data(), file(Component.IDS).data());
      idOrder = order;
    }
    return order;
  }

  /** Tokens of a passage. */
  public int doclen(int passage) {
    return (int) (tokenOffsets.getAtIndex(Layouts.I64, passage + 1) - firstToken(passage));
  }

  /** The number of a passage's first token in the segment. */
  public long firstToken(int passage) {
    return tokenOffsets.getAtIndex(Layouts.I64, passage);
  }

  /** The document of a passage, from 0 in the segment. */
  public int document(int passage) {
    return file(Component.DOCUMENTS).data().getAtIndex(Layouts.I32, passage);
  }

  /** The external id of a document. */
  public String id(int document) {
    return string(Component.ID_OFFSETS, Component.IDS, document);
  }

  /** The external id of a document, by way of an array with room for {@link #idBytes}. */
  public String id(int document, byte[] room) {
    int bytes = idBytes(document);
    MemorySegment.copy(file(Component.IDS).data(), Layouts.U8, idStart(document), room, 0, bytes);
    return new String(room, 0, bytes, StandardCharsets.UTF_8);
  }

  /** The length of a document's id in UTF-8. */
  public int idBytes(int document) {
    long bytes = idStart(document + 1) - idStart(document);
    if (bytes < 0
        || idStart(document) < 0
        || idStart(document + 1) > file(Component.IDS).data().byteSize()) {
      throw ArrayFile.damaged(
          file(Component.ID_OFFSETS).path(), "entry %d is out of range".formatted(document));
    }
    return Math.toIntExact(bytes);
  }

  /** The external id of a document as it is stored. */
  ByteBuffer idBuffer(int document) {
    int bytes = idBytes(document);
    return file(Component.IDS).data().asSlice(idStart(document), bytes).asByteBuffer();
  }

  private long idStart(int document) {
    MemorySegment offsets = file(Component.ID_OFFSETS).data();
    if (document < 0 || document >= offsets.byteSize() / Long.BYTES) {
      throw ArrayFile.damaged(
          file(Component.ID_OFFSETS).path(), "there is no entry %d".formatted(document));
    }
    return offsets.getAtIndex(Layouts.I64, document);
  }

  /** The metadata of a document, a JSON object; empty if it has none. */
  public String metadata(int document) {
    return files.containsKey(Component.METADATA)
        ? string(Component.METADATA_OFFSETS, Component.METADATA, document)
        : "";
  }

  /** What can be asked of the metadata. */
  public Columns columns() {
    Columns known = columns;
    if (known == null) {
      known =
          files.containsKey(Component.FIELDS)
              ? Columns.open(
                  file(Component.FIELDS).data(), file(Component.FIELDS).path().toString())
              : Columns.none(Math.toIntExact(documents()));
      columns = known;
    }
    return known;
  }

  /**
   * The documents of which a filter is true, deleted ones too.
   *
   * @throws dev.tartan.memory.TartanException if a value is of another type than its field
   */
  public RoaringBitmap matching(Filter filter) {
    return columns().matching(filter, this::find);
  }

  /** The text of a passage; null if the index stores none. */
  public @Nullable String text(int passage) {
    return files.containsKey(Component.TEXT)
        ? string(Component.TEXT_OFFSETS, Component.TEXT, passage)
        : null;
  }

  /** What of its document's text a passage is; null if the index does not say. */
  public @Nullable Span span(int passage) {
    if (!files.containsKey(Component.SPANS)) {
      return null;
    }
    int from = bound(passage, 0);
    int to = bound(passage, 1);
    if (from < 0 || to < from) {
      throw ArrayFile.damaged(
          file(Component.SPANS).path(), "passage %d is %d to %d".formatted(passage, from, to));
    }
    return new Span(from, to);
  }

  int bound(int passage, int side) {
    return file(Component.SPANS).data().getAtIndex(Layouts.I32, 2L * passage + side);
  }

  /** The number of a passage in its document, from 0. */
  public int numberInDocument(int passage) {
    int first = passage;
    while (first > 0 && document(first - 1) == document(passage)) {
      first--;
    }
    return passage - first;
  }

  /** The codes of the tokens and their factors. The codes stand in for residuals. */
  public CompressedPassages codes(Scope scope) {
    Buffer codes = wrap(scope, Component.CODES);
    return new CompressedPassages(
        scope.wrap(DType.I64, 1, tokenOffsets),
        codes,
        codes,
        codec.compressed() ? wrap(scope, Component.FACTORS) : null);
  }

  /** The packed residuals of a segment that was compressed: U8 [tokens, bytes of one]. */
  public Buffer residuals(Scope scope) {
    return wrap(scope, Component.RESIDUALS);
  }

  /** The token embeddings of a segment that was not compressed: F16 [tokens, dim]. */
  public Buffer embeddings(Scope scope) {
    return scope.wrap(DType.F16, codec.dim(), file(Component.EMBEDDINGS).data());
  }

  /** The compressed token embeddings of one passage, which is number 0 there. */
  public CompressedPassages compressed(Scope scope, int passage) {
    return compressed(scope, firstToken(passage), doclen(passage));
  }

  /** The compressed tokens {@code [first, first + count)}, as one passage. */
  public CompressedPassages compressed(Scope scope, long first, long count) {
    Buffer offsets = scope.allocate(DType.I64, 2, 1);
    offsets.copyFrom(MemorySegment.ofArray(new long[] {0, count}));
    return new CompressedPassages(
        offsets,
        wrap(scope, Component.CODES, first, count),
        wrap(scope, Component.RESIDUALS, first, count),
        wrap(scope, Component.FACTORS, first, count));
  }

  /** The token embeddings of one passage of a segment that was not compressed: float16. */
  public MemorySegment embeddings(int passage) {
    return rows(Component.EMBEDDINGS, firstToken(passage), doclen(passage));
  }

  /** The tokens {@code [first, first + count)} of a component that has a row for each. */
  public MemorySegment rows(Component component, long first, long count) {
    ArrayFile file = file(component);
    return file.data().asSlice(first * file.rowBytes(), count * file.rowBytes());
  }

  /** How many passages each centroid's list has. */
  public long[] listLengths() {
    long[] lengths = new long[Math.toIntExact(codec.centroids().rows())];
    for (int c = 0; c < lengths.length; c++) {
      lengths[c] =
          listOffsets.getAtIndex(Layouts.I64, c + 1) - listOffsets.getAtIndex(Layouts.I64, c);
    }
    return lengths;
  }

  public InvertedListTables lists(Scope scope) {
    return new InvertedListTables(
        scope.wrap(DType.I64, 1, listOffsets), wrap(scope, Component.LISTS), passages());
  }

  /** About what {@link #lists}, {@link #codes} and residuals or embeddings take. */
  public long searchedBytes() {
    return bytes(Component.LISTS)
        + bytes(Component.CODES)
        + bytes(Component.FACTORS)
        + bytes(Component.RESIDUALS)
        + bytes(Component.EMBEDDINGS);
  }

  /** Bytes of a component's file, its header included; 0 if the segment has none. */
  public long bytes(Component component) {
    ArrayFile file = files.get(component);
    return file == null ? 0 : ArrayFile.HEADER_BYTES + file.data().byteSize();
  }

  /** All files of the segment. */
  List<ArrayFile> files() {
    List<ArrayFile> all = new ArrayList<>(files.values());
    if (live != null) {
      all.add(live);
    }
    return all;
  }

  /** Whether the segment has a file of this kind. */
  public boolean has(Component component) {
    return files.containsKey(component);
  }

  /** The first passage of a document, or of the next that has any: passages are in their order. */
  public int firstPassage(int document) {
    int low = 0;
    int high = passages();
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (document(middle) < document) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  ArrayFile file(Component component) {
    ArrayFile file = files.get(component);
    if (file == null) {
      throw new dev.tartan.memory.TartanException(
          "segment %s has no %s file: an earlier Tartan wrote the index, or it is damaged; index again"
              .formatted(entry.name(), component.extension()));
    }
    return file;
  }

  private Buffer wrap(Scope scope, Component component) {
    ArrayFile file = file(component);
    return scope.wrap(file.dtype(), columns(file), file.data());
  }

  private Buffer wrap(Scope scope, Component component, long first, long count) {
    ArrayFile file = file(component);
    return scope.wrap(file.dtype(), columns(file), rows(component, first, count));
  }

  private static int columns(ArrayFile file) {
    return (int) (file.rowBytes() / file.dtype().bytes());
  }

  private String string(Component offsets, Component bytes, int index) {
    MemorySegment at = file(offsets).data();
    if (index < 0 || index >= file(offsets).rows() - 1) {
      throw ArrayFile.damaged(file(offsets).path(), "there is no entry %d".formatted(index));
    }
    long start = at.getAtIndex(Layouts.I64, index);
    long end = at.getAtIndex(Layouts.I64, index + 1);
    MemorySegment all = file(bytes).data();
    if (start < 0 || start > end || end > all.byteSize()) {
      throw ArrayFile.damaged(file(offsets).path(), "entry %d is out of range".formatted(index));
    }
    return new String(all.asSlice(start, end - start).toArray(Layouts.U8), StandardCharsets.UTF_8);
  }

  /** Requires the type and shape that the format gives each component. */
  private ArrayFile check(ArrayFile file) {
    return switch (file.component()) {
      case CODES ->
          file.expect(codec.codeType(), codec.codeType().bytes()).expectRows(entry.tokens());
      case RESIDUALS -> file.expect(DType.U8, codec.residualBytes()).expectRows(entry.tokens());
      case EMBEDDINGS -> file.expect(DType.F16, codec.dim() * 2L).expectRows(entry.tokens());
      case FACTORS -> file.expect(DType.U16, 2).expectRows(entry.tokens());
      case DOCLENS, DOCUMENTS -> file.expect(DType.I32, 4).expectRows(entry.passages());
      case SPANS -> file.expect(DType.I32, 8).expectRows(entry.passages());
      case LIST_LENGTHS -> file.expect(DType.I32, 4).expectRows(codec.centroids().rows());
      case LISTS -> file.expect(DType.I32, 4);
      case ID_OFFSETS -> file.expect(DType.I64, 8).expectRows(entry.documents() + 1);
      case ID_ORDER -> file.expect(DType.I32, 4).expectRows(entry.documents());
      case TEXT_OFFSETS -> file.expect(DType.I64, 8).expectRows(entry.passages() + 1);
      case METADATA_OFFSETS -> file.expect(DType.I64, 8).expectRows(entry.documents() + 1);
      case IDS, TEXT, METADATA, FIELDS -> file.expect(DType.U8, 1);
      case CODEC, LIVE -> throw ArrayFile.damaged(file.path(), "it is no part of a segment");
    };
  }

  static List<String> extensions(List<Component> components) {
    return components.stream().map(Component::extension).toList();
  }
}
