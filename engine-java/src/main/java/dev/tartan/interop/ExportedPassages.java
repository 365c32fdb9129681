package dev.tartan.interop;

import dev.tartan.checkpoint.ElementType;
import dev.tartan.codec.PackedResiduals;
import dev.tartan.codec.ResidualCodec;
import dev.tartan.interop.TorchArchive.Tensor;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import dev.tartan.segment.Component;
import dev.tartan.segment.Segment;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Some living passages of an index, in the order of segments, as another engine stores them: codes
 * of 32 bits, residuals in the published order of bits. Streams from the mapped files.
 */
final class ExportedPassages {
  private static final int BLOCK = 1 << 16;

  /** Passages {@code [from, to)} of a segment, all alive. */
  private record Run(Segment segment, int from, int to) {
    long firstToken() {
      return segment.firstToken(from);
    }

    long tokens() {
      return segment.firstToken(to) - firstToken();
    }
  }

  private final ResidualCodec codec;
  private final List<Run> runs = new ArrayList<>();
  private int passages;

  private ExportedPassages(ResidualCodec codec) {
    this.codec = codec;
  }

  /** All living passages of {@code segments}, in chunks of {@code most} at most. */
  static List<ExportedPassages> chunks(List<Segment> segments, ResidualCodec codec, int most) {
    List<ExportedPassages> chunks = new ArrayList<>();
    ExportedPassages chunk = new ExportedPassages(codec);
    for (Segment segment : segments) {
      int start = 0;
      for (int p = 0; p <= segment.passages(); p++) {
        boolean lives = p < segment.passages() && segment.isLive(segment.document(p));
        if (!lives || chunk.passages + p - start == most) {
          chunk.add(new Run(segment, start, p));
          start = lives ? p : p + 1;
        }
        if (chunk.passages == most) {
          chunks.add(chunk);
          chunk = new ExportedPassages(codec);
        }
      }
    }
    if (chunk.passages > 0 || chunks.isEmpty()) {
      chunks.add(chunk);
    }
    return chunks;
  }

  private void add(Run run) {
    if (run.to > run.from) {
      runs.add(run);
      passages += run.to - run.from;
    }
  }

  int passages() {
    return passages;
  }

  long tokens() {
    return runs.stream().mapToLong(Run::tokens).sum();
  }

  int[] doclens() {
    return runs.stream()
        .flatMapToInt(run -> IntStream.range(run.from, run.to).map(run.segment::doclen))
        .toArray();
  }

  /** The external id of each passage's document. */
  Iterable<String> ids() {
    return () -> each((segment, passage) -> segment.id(segment.document(passage)));
  }

  /** The metadata of each passage's document; empty for none. */
  Iterable<String> metadata() {
    return () -> each((segment, passage) -> segment.metadata(segment.document(passage)));
  }

  /** What each passage says, of segments that have texts. */
  Iterable<String> texts() {
    return () ->
        each((segment, passage) -> Objects.requireNonNull(segment.text(passage), "no texts"));
  }

  private Iterator<String> each(BiFunction<Segment, Integer, String> value) {
    return runs.stream()
        .flatMap(
            run -> IntStream.range(run.from, run.to).mapToObj(p -> value.apply(run.segment, p)))
        .iterator();
  }

  /** I32 [tokens]. */
  Tensor codes() {
    boolean wide = codec.codeType() == DType.I32;
    return new Tensor(
        ElementType.I32,
        new long[] {tokens()},
        sink ->
            blocks(
                Component.CODES,
                block -> {
                  int[] codes = new int[(int) (block.byteSize() / codec.codeType().bytes())];
                  Arrays.setAll(
                      codes,
                      i ->
                          wide
                              ? block.getAtIndex(Layouts.I32, i)
                              : Short.toUnsignedInt(block.getAtIndex(Layouts.U16, i)));
                  try (Arena arena = Arena.ofConfined()) {
                    sink.accept(arena.allocateFrom(Layouts.I32, codes));
                  }
                }));
  }

  /** U8 [tokens, bytes of one]. */
  Tensor residuals() {
    return new Tensor(
        ElementType.U8,
        new long[] {tokens(), codec.residualBytes()},
        sink ->
            blocks(
                Component.RESIDUALS,
                block -> {
                  MemorySegment copy = MemorySegment.ofArray(block.toArray(Layouts.U8));
                  PackedResiduals.swapOrder(copy);
                  sink.accept(copy);
                }));
  }

  private void blocks(Component component, Consumer<MemorySegment> sink) {
    for (Run run : runs) {
      for (long done = 0; done < run.tokens(); done += BLOCK) {
        long n = Math.min(BLOCK, run.tokens() - done);
        sink.accept(run.segment.rows(component, run.firstToken() + done, n));
      }
    }
  }
}
