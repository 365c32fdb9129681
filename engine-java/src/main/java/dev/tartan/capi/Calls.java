package dev.tartan.capi;

import dev.tartan.memory.Matrix;
import dev.tartan.search.Hit;
import dev.tartan.search.SearchOptions;
import dev.tartan.search.Searcher;
import dev.tartan.search.Selection;
import dev.tartan.segment.Manifest;
import dev.tartan.segment.Segment;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The functions of {@code tartan.h}, called through JNI. Addresses name memory that the C side has
 * checked for NULL and that is valid during the call; structures are those of {@code tartan.h}. A
 * handle is a number and no address, so that a stale one is an error. Every call may throw, and
 * {@link #failure} makes code and text of what was thrown. Safe for any number of threads.
 */
final class Calls {
  /** Of the calls below; {@code libtartan.so} refuses an engine of another. */
  private static final int VERSION = 1;

  private static final Map<Long, OpenIndex> OPEN = new ConcurrentHashMap<>();
  private static final AtomicLong HANDLES = new AtomicLong();
  private static final HexFormat ESCAPED = HexFormat.of().withPrefix("%");

  private Calls() {}

  static int version() {
    return VERSION;
  }

  static byte[] failure(Throwable thrown) {
    return Failure.describe(thrown);
  }

  /**
   * {@code tartan_open}.
   *
   * @param path from the root
   * @return a handle
   */
  static long open(long path, long backend, int threads) {
    OpenIndex index = new OpenIndex(path(path), string(backend), threads);
    long handle = HANDLES.incrementAndGet();
    OPEN.put(handle, index);
    return handle;
  }

  /** {@code tartan_describe}: writes a {@code tartan_description}, but its size. */
  static void describe(long handle, long description) {
    OpenIndex index = index(handle);
    try (OpenCommit commit = index.hold()) {
      Manifest manifest = commit.searcher().snapshot().manifest();
      MemorySegment out = memory(description, 64);
      out.set(ValueLayout.JAVA_LONG, 8, manifest.commit());
      out.set(ValueLayout.JAVA_LONG, 16, manifest.documents());
      out.set(ValueLayout.JAVA_LONG, 24, manifest.passages());
      out.set(ValueLayout.JAVA_INT, 32, manifest.dim());
      out.setString(40, index.backend()); // all names are shorter than the 24 bytes of the field
    }
  }

  static void refresh(long handle) {
    index(handle).refresh();
  }

  static void close(long handle) {
    OpenIndex index = OPEN.remove(handle);
    if (index == null) {
      throw notOpen(handle);
    }
    index.close();
  }

  /**
   * {@code tartan_search}.
   *
   * @param query float32 [rows, dim]
   * @param request a {@code tartan_request}
   * @return count and commit of a {@code tartan_result}; its hits, whose ids are offsets into these
   *     bytes; the ids, each with a NUL
   */
  static byte[] search(long handle, long query, int rows, int dim, long request) {
    try (OpenCommit commit = index(handle).hold()) {
      Searcher searcher = commit.searcher();
      MemorySegment asked = memory(request, 40);
      int k = asked.get(ValueLayout.JAVA_INT, 8);
      double recall = asked.get(ValueLayout.JAVA_DOUBLE, 16);
      SearchOptions options =
          Failure.ofArgument(
              () -> recall == 0 ? SearchOptions.top(k) : SearchOptions.top(k, recall));
      Matrix matrix =
          Failure.ofArgument(
              () -> {
                Matrix given =
                    new Matrix(memory(query, (long) rows * dim * Float.BYTES), rows, dim);
                searcher.check(given);
                return given;
              });
      long ids = asked.get(ValueLayout.JAVA_LONG, 24);
      Selection selection =
          ids == 0
              ? null
              : Selection.ofIds(
                  searcher.snapshot(), strings(ids, asked.get(ValueLayout.JAVA_LONG, 32)));
      return pack(commit, searcher.search(matrix, options, selection));
    }
  }

  private static final int HEAD_BYTES = 16;
  private static final int HIT_BYTES = 32;

  private static byte[] pack(OpenCommit commit, List<Hit> hits) {
    List<byte[]> ids = hits.stream().map(hit -> hit.id().getBytes(StandardCharsets.UTF_8)).toList();
    int end = HEAD_BYTES + hits.size() * HIT_BYTES;
    int bytes = ids.stream().mapToInt(id -> id.length + 1).reduce(end, Math::addExact);
    ByteBuffer out = ByteBuffer.allocate(bytes).order(ByteOrder.nativeOrder());
    out.putLong(hits.size()).putLong(commit.number());
    List<Segment> segments = commit.searcher().snapshot().segments();
    for (int h = 0; h < hits.size(); h++) {
      Hit hit = hits.get(h);
      int length = ids.get(h).length;
      out.putLong(end).putLong(length);
      out.putLong((long) hit.segment() << Integer.SIZE | hit.passage()).putFloat(hit.score());
      out.putInt(segments.get(hit.segment()).numberInDocument(hit.passage()));
      out.put(end, ids.get(h));
      end += length + 1;
    }
    return out.array();
  }

  /**
   * {@code tartan_hit_text}: UTF-8, or null if the index stores none.
   *
   * @param commit the one that was searched
   * @param place of the hit
   */
  static byte @Nullable [] text(long handle, long commit, long place) {
    try (OpenCommit current = index(handle).hold()) {
      if (current.number() != commit) {
        throw Failure.closed(
            "the result is of commit %d and the index is at commit %d since; search again"
                .formatted(commit, current.number()));
      }
      int segment = (int) (place >>> Integer.SIZE);
      int passage = (int) place;
      List<Segment> segments = current.searcher().snapshot().segments();
      if (segment < 0
          || segment >= segments.size()
          || passage < 0
          || passage >= segments.get(segment).passages()) {
        throw Failure.argument("the hit is none of this index");
      }
      String text = current.searcher().text(new Hit("", 0, segment, passage));
      return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
    }
  }

  private static OpenIndex index(long handle) {
    OpenIndex index = OPEN.get(handle);
    if (index == null) {
      throw notOpen(handle);
    }
    return index;
  }

  private static Failure notOpen(long handle) {
    return Failure.closed(
        "there is no open index %d: it was closed, or never opened".formatted(handle));
  }

  private static MemorySegment memory(long address, long bytes) {
    return MemorySegment.ofAddress(address).reinterpret(bytes);
  }

  /** The path of these bytes; that of their string depends on the locale. */
  private static Path path(long address) {
    MemorySegment string = memory(address, Long.MAX_VALUE);
    byte[] bytes =
        string.getString(0, StandardCharsets.ISO_8859_1).getBytes(StandardCharsets.ISO_8859_1);
    return Path.of(URI.create("file:///" + ESCAPED.formatHex(bytes)));
  }

  private static String string(long address) {
    return memory(address, Long.MAX_VALUE).getString(0);
  }

  private static List<String> strings(long addresses, long count) {
    MemorySegment pointers = memory(addresses, Math.multiplyExact(count, Long.BYTES));
    List<String> strings = new ArrayList<>();
    for (long i = 0; i < count; i++) {
      long address = pointers.getAtIndex(ValueLayout.JAVA_LONG, i);
      if (address == 0) {
        throw Failure.argument("id %d of the request is NULL".formatted(i));
      }
      strings.add(string(address));
    }
    return strings;
  }
}
