package dev.tartan.segment;

import dev.tartan.collection.Span;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import dev.tartan.metadata.ColumnsWriter;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Reads every byte of a segment: each file against its checksum, and everything that refers to
 * something against what is there.
 */
final class SegmentCheck {
  private final Segment segment;

  SegmentCheck(Segment segment) {
    this.segment = segment;
  }

  /**
   * Checks all.
   *
   * @throws dev.tartan.memory.TartanException that names the first damaged file
   */
  void check() {
    segment.files().forEach(ArrayFile::verify);
    ArrayFile documents = segment.file(Component.DOCUMENTS);
    requireAscending(documents, documents.rows(), segment.documents());
    checkLists();
    checkOffsets(Component.ID_OFFSETS, Component.IDS);
    if (segment.has(Component.TEXT)) {
      checkOffsets(Component.TEXT_OFFSETS, Component.TEXT);
    }
    if (segment.has(Component.ID_ORDER)) {
      checkIdOrder();
    }
    if (segment.has(Component.METADATA)) {
      checkOffsets(Component.METADATA_OFFSETS, Component.METADATA);
      checkFields();
    }
    checkSpans();
    checkLiving();
  }

  /** The columns are those that the metadata give. */
  private void checkFields() {
    ArrayFile file = segment.file(Component.FIELDS);
    ColumnsWriter again = new ColumnsWriter(segment.columns().schema());
    for (int d = 0; d < segment.documents(); d++) {
      again.add(segment.id(d), segment.metadata(d));
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    again.write(bytes);
    if (file.data().mismatch(MemorySegment.ofArray(bytes.toByteArray())) >= 0) {
      throw ArrayFile.damaged(file.path(), "it does not hold what the metadata give");
    }
  }

  private static void requireAscending(ArrayFile file, long rows, long limit) {
    long before = 0;
    for (long i = 0; i < rows; i++) {
      int value = file.data().getAtIndex(Layouts.I32, i);
      if (value < before || value >= limit) {
        throw ArrayFile.damaged(
            file.path(), "entry %d is %d, not %d to %d".formatted(i, value, before, limit - 1));
      }
      before = value;
    }
  }

  /** The lists hold just the passages that the codes put there, each once, ascending. */
  private void checkLists() {
    int centroids = Math.toIntExact(segment.codec().centroids().rows());
    ArrayFile lists = segment.file(Component.LISTS);
    MemorySegment lengths = segment.file(Component.LIST_LENGTHS).data();
    long[] next = new long[centroids + 1];
    for (int c = 0; c < centroids; c++) {
      next[c + 1] = next[c] + lengths.getAtIndex(Layouts.I32, c);
    }
    long[] ends = Arrays.copyOfRange(next, 1, centroids + 1);
    int[] last = new int[centroids];
    Arrays.fill(last, -1);
    for (int p = 0; p < segment.passages(); p++) {
      long first = segment.firstToken(p);
      for (long t = first; t < first + segment.doclen(p); t++) {
        int code = code(t, centroids);
        if (last[code] != p) {
          last[code] = p;
          if (next[code] == ends[code] || lists.data().getAtIndex(Layouts.I32, next[code]++) != p) {
            throw ArrayFile.damaged(
                lists.path(), "the list of centroid %d is not that of the codes".formatted(code));
          }
        }
      }
    }
    for (int c = 0; c < centroids; c++) {
      if (next[c] != ends[c]) {
        throw ArrayFile.damaged(lists.path(), "the list of centroid %d is too long".formatted(c));
      }
    }
  }

  private int code(long token, int centroids) {
    ArrayFile codes = segment.file(Component.CODES);
    int code =
        codes.dtype() == DType.I32
            ? codes.data().getAtIndex(Layouts.I32, token)
            : Short.toUnsignedInt(codes.data().getAtIndex(Layouts.U16, token));
    if (code < 0 || code >= centroids) {
      throw ArrayFile.damaged(
          codes.path(), "token %d has code %d of %d".formatted(token, code, centroids));
    }
    return code;
  }

  private void checkOffsets(Component offsets, Component bytes) {
    ArrayFile file = segment.file(offsets);
    long before = 0;
    for (long i = 0; i < file.rows(); i++) {
      long value = file.data().getAtIndex(Layouts.I64, i);
      if (value < before || (i == 0 && value != 0)) {
        throw ArrayFile.damaged(file.path(), "entry %d is %d".formatted(i, value));
      }
      before = value;
    }
    if (before != segment.file(bytes).rows()) {
      throw ArrayFile.damaged(
          file.path(),
          "its last entry is %d, %s has %d bytes"
              .formatted(before, bytes.extension(), segment.file(bytes).rows()));
    }
  }

  /** Strictly ascending by hash and number: so it names every document once. */
  private void checkIdOrder() {
    ArrayFile order = segment.file(Component.ID_ORDER);
    long hashBefore = -1;
    int before = -1;
    for (long i = 0; i < order.rows(); i++) {
      int document = order.data().getAtIndex(Layouts.I32, i);
      if (document < 0 || document >= segment.documents()) {
        throw ArrayFile.damaged(order.path(), "entry %d is %d".formatted(i, document));
      }
      long hash = IdOrder.hash(segment.idBuffer(document));
      if (hash < hashBefore || (hash == hashBefore && document <= before)) {
        throw ArrayFile.damaged(order.path(), "entry %d is out of order".formatted(i));
      }
      hashBefore = hash;
      before = document;
    }
  }

  /** The passages of a document follow each other in its text. */
  private void checkSpans() {
    for (int p = 0; p < segment.passages(); p++) {
      Span span = segment.span(p);
      boolean follows = span != null && p > 0 && segment.document(p) == segment.document(p - 1);
      if (follows
          && (segment.bound(p, 0) < segment.bound(p - 1, 0)
              || segment.bound(p, 1) < segment.bound(p - 1, 1))) {
        throw ArrayFile.damaged(
            segment.file(Component.SPANS).path(),
            "passage %d is before the one before it".formatted(p));
      }
    }
  }

  private void checkLiving() {
    Manifest.Living living = segment.entry().living();
    MemorySegment passages = segment.livePassages();
    if (living == null || passages == null) {
      return;
    }
    long documents = 0;
    for (int d = 0; d < segment.documents(); d++) {
      documents += segment.isLive(d) ? 1 : 0;
    }
    long tokens = 0;
    for (int p = 0; p < segment.passages(); p++) {
      tokens += Bits.get(passages, p) ? segment.doclen(p) : 0;
    }
    ArrayFile file = segment.files().getLast();
    if (documents != living.documents()
        || Bits.count(file.data()) != documents
        || Bits.count(passages) != living.passages()
        || tokens != living.tokens()) {
      throw ArrayFile.damaged(file.path(), "it does not hold what the manifest says");
    }
  }
}
