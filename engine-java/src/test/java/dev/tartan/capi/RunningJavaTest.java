package dev.tartan.capi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.indexing.IndexOptions;
import dev.tartan.indexing.TestIndex;
import dev.tartan.indexing.TestIndex.Doc;
import dev.tartan.memory.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * libtartan in a process whose Java runs already: this one. And what an index that grows looks like
 * in C.
 */
class RunningJavaTest {
  private static final int DIM = 32;
  private static final int CLOSED = 4;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

  @TempDir Path directory;
  private Arena arena;
  private SymbolLookup library;

  @BeforeEach
  void load() {
    arena = Arena.ofConfined();
    // never unloaded: it holds on to the threads that called it
    library =
        SymbolLookup.libraryLookup(
            Programs.built().resolve(System.mapLibraryName("tartan")), Arena.global());
  }

  @AfterEach
  void close() {
    if (arena != null) {
      arena.close();
    }
  }

  @Test
  void refreshFindsWhatWasAddedSince() throws Throwable {
    List<Doc> docs = TestIndex.docs(1, 60, DIM, 2);
    TestIndex.write(directory, IndexOptions.of(DIM, 4), docs.subList(0, 50));
    MemorySegment out = arena.allocate(LONG);
    MemorySegment path = arena.allocateFrom(directory.toString());
    assertEquals(0, call("tartan_open", path, MemorySegment.NULL, out), this::error);
    long index = out.get(LONG, 0);
    assertEquals(0, call("tartan_refresh", index), this::error); // there is nothing new
    assertEquals(50, documents(index));

    Doc added = docs.get(55);
    MemorySegment before = search(index, added);
    TestIndex.change(directory, List.of(docs.get(7).id()), docs.subList(50, 60));
    assertEquals(50, documents(index));
    assertEquals(0, call("tartan_refresh", index), this::error);
    assertEquals(59, documents(index));
    MemorySegment after = search(index, added);
    assertEquals(added.id(), best(after));

    MemorySegment text = arena.allocate(ValueLayout.ADDRESS);
    assertEquals(CLOSED, call("tartan_hit_text", index, before, 0L, text));
    assertTrue(error().contains("commit 1") && error().contains("search again"), error());
    assertEquals(0, call("tartan_hit_text", index, after, 0L, text), this::error);
    MemorySegment found = text.get(ValueLayout.ADDRESS, 0).reinterpret(Long.MAX_VALUE);
    assertEquals(TestIndex.text(added, 0), found.getString(0));

    assertEquals(0, call("tartan_close", index), this::error);
    assertEquals(CLOSED, call("tartan_refresh", index));
  }

  private long documents(long index) throws Throwable {
    MemorySegment about = arena.allocate(64);
    about.set(LONG, 0, about.byteSize());
    assertEquals(0, call("tartan_describe", index, about), this::error);
    assertEquals(DIM, about.get(INT, 32));
    return about.get(LONG, 16);
  }

  /** A tartan_result for the first passage of a document. */
  private MemorySegment search(long index, Doc doc) throws Throwable {
    Matrix rows = Matrix.of(arena, doc.passages().getFirst());
    MemorySegment request = arena.allocate(40);
    request.set(LONG, 0, request.byteSize());
    request.set(INT, 8, 3);
    MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
    int status = call("tartan_search", index, rows.data(), (int) rows.rows(), DIM, request, out);
    assertEquals(0, status, this::error);
    return out.get(ValueLayout.ADDRESS, 0).reinterpret(24);
  }

  private static String best(MemorySegment result) {
    MemorySegment hits = result.get(ValueLayout.ADDRESS, 16).reinterpret(32);
    return hits.get(ValueLayout.ADDRESS, 0).reinterpret(Long.MAX_VALUE).getString(0);
  }

  private String error() {
    try {
      MemorySegment text =
          (MemorySegment)
              Linker.nativeLinker()
                  .downcallHandle(
                      library.findOrThrow("tartan_error"),
                      FunctionDescriptor.of(ValueLayout.ADDRESS))
                  .invoke();
      return text.reinterpret(Long.MAX_VALUE).getString(0);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  private int call(String function, Object... arguments) throws Throwable {
    MemoryLayout[] layouts = new MemoryLayout[arguments.length];
    for (int i = 0; i < layouts.length; i++) {
      layouts[i] =
          switch (arguments[i]) {
            case Long _ -> LONG;
            case Integer _ -> INT;
            default -> ValueLayout.ADDRESS;
          };
    }
    return (int)
        Linker.nativeLinker()
            .downcallHandle(library.findOrThrow(function), FunctionDescriptor.of(INT, layouts))
            .invokeWithArguments(arguments);
  }
}
