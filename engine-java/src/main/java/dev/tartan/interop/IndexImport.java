package dev.tartan.interop;

import dev.tartan.codec.InverseNorms;
import dev.tartan.codec.PackedResiduals;
import dev.tartan.codec.ResidualCodec;
import dev.tartan.encode.TokenPooling;
import dev.tartan.interop.ForeignIndex.Chunk;
import dev.tartan.interop.PassageRecords.PassageRecord;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.segment.IndexDirectory;
import dev.tartan.segment.Manifest;
import dev.tartan.segment.SegmentWriter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes an index of what another engine wrote: codes and packed residuals as they are, one segment,
 * one commit. Streams; holds the codec, a chunk's doclens and a block of tokens. Confined to one
 * thread.
 */
public final class IndexImport {
  private static final int BLOCK = 1 << 14;

  private final ForeignIndex foreign;
  private final ImportOptions options;
  private final Progress progress;

  private IndexImport(ForeignIndex foreign, ImportOptions options, Progress progress) {
    this.foreign = foreign;
    this.options = options;
    this.progress = progress;
  }

  /**
   * What was imported.
   *
   * @param manifest the new commit
   * @param format what wrote the foreign index
   * @param withoutTokens passages that were left out: deleted ones, whose numbers stay free
   */
  public record Result(Manifest manifest, ForeignFormat format, int withoutTokens) {}

  /**
   * Imports the index in {@code from} as what {@code index} holds next. The commit has no search
   * settings yet.
   *
   * @param index created if need be; what it holds is replaced
   * @throws TartanException if the foreign index is not whole or not of a kind that is read, or the
   *     index cannot be written; it then stays what it was
   */
  public static Result run(Path from, Path index, ImportOptions options, Progress progress) {
    try (ForeignIndex foreign = ForeignIndex.open(from, options.format())) {
      return new IndexImport(foreign, options, progress).into(index);
    }
  }

  private Result into(Path index) {
    Numbering numbering = check();
    if (numbering.living() == 0) {
      throw new TartanException(
          "none of the %d passages of %s has a token: there is nothing to import"
              .formatted(numbering.passages(), foreign.directory()));
    }
    try (IndexDirectory directory = IndexDirectory.open(index);
        PassageRecords records = new PassageRecords(foreign, options.ids(), numbering);
        SegmentWriter segment =
            new SegmentWriter(
                index, "segment-" + directory.nextCommit(), records.hasTexts(), options.fields())) {
      addDocuments(records, numbering, segment);
      segment.startEmbeddings(foreign.codec());
      addTokens(segment);
      Manifest manifest = commit(directory, segment);
      return new Result(manifest, foreign.format(), numbering.passages() - numbering.living());
    }
  }

  /** Opens every chunk, so that what is missing or does not fit is told before anything is done. */
  private Numbering check() {
    progress.stage("checking", "chunks", foreign.chunks());
    long passages = 0;
    long living = 0;
    for (int c = 0; c < foreign.chunks(); c++) {
      foreign.chunk(c).close();
      int[] doclens = foreign.doclens(c);
      passages += doclens.length;
      living += Arrays.stream(doclens).filter(n -> n > 0).count();
      progress.advance(1);
    }
    if (passages > Integer.MAX_VALUE) {
      throw new TartanException(
          "%s has %d passages; at most 2^31 - 1 can be imported"
              .formatted(foreign.directory(), passages));
    }
    return new Numbering((int) passages, (int) living);
  }

  private void addDocuments(PassageRecords records, Numbering numbering, SegmentWriter segment) {
    progress.stage("reading", "passages", numbering.passages());
    Set<String> seen = new HashSet<>();
    String document = null;
    int passage = 0;
    int living = 0;
    for (int c = 0; c < foreign.chunks(); c++) {
      int[] doclens = foreign.doclens(c);
      for (int doclen : doclens) {
        if (doclen > 0) {
          PassageRecord record = records.record(passage, living++);
          if (!record.id().equals(document)) {
            document = record.id();
            requireNew(document, passage, records.numbered() ? null : seen);
            addDocument(document, record.metadata(), records, segment);
          }
          segment.addPassage(doclen, record.text(), null);
        }
        passage++;
      }
      progress.advance(doclens.length);
    }
  }

  private static void addDocument(
      String id, @Nullable String metadata, PassageRecords records, SegmentWriter segment) {
    try {
      segment.addDocument(id, Objects.requireNonNullElse(metadata, ""));
    } catch (TartanException e) { // what does not fit the fields
      throw new TartanException("%s, %s".formatted(records.metadataFile(), e.getMessage()), e);
    }
  }

  private static void requireNew(String id, int passage, @Nullable Set<String> seen) {
    if (id.isBlank()) {
      throw new TartanException(
          "passage %d has a blank id; give ids with --ids FILE, one a line".formatted(passage));
    }
    if (seen != null && !seen.add(id)) {
      throw new TartanException(
          "id '%s' comes again at passage %d, after others; the passages of a document must follow each other: give each its own id with --ids FILE, one a line"
              .formatted(id, passage));
    }
  }

  private void addTokens(SegmentWriter segment) {
    ResidualCodec codec = foreign.codec();
    progress.stage("importing", "tokens", segment.tokens());
    InverseNorms norms = new InverseNorms(codec);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment residuals = arena.allocate((long) BLOCK * codec.residualBytes(), 64);
      MemorySegment codes = arena.allocate((long) BLOCK * codec.codeType().bytes(), 64);
      MemorySegment factors = arena.allocate((long) BLOCK * Short.BYTES, 64);
      for (int c = 0; c < foreign.chunks(); c++) {
        try (Chunk chunk = foreign.chunk(c)) {
          for (long first = 0; first < chunk.tokens(); first += BLOCK) {
            int n = (int) Math.min(BLOCK, chunk.tokens() - first);
            int[] block = new int[n];
            MemorySegment packed = residuals.asSlice(0, (long) n * codec.residualBytes());
            chunk.read(first, block, packed);
            requireCodes(block, first, chunk);
            PackedResiduals.swapOrder(packed);
            norms.compute(block, packed, factors);
            segment.addStored(
                stored(block, codes), packed, factors.asSlice(0, (long) n * Short.BYTES), null);
            progress.advance(n);
          }
        }
      }
    }
  }

  private void requireCodes(int[] codes, long first, Chunk chunk) {
    long centroids = foreign.codec().centroids().rows();
    for (int i = 0; i < codes.length; i++) {
      if (codes[i] < 0 || codes[i] >= centroids) {
        throw ForeignFiles.bad(
            chunk.codesFile(),
            "has code %s at token %d, but there are %d centroids"
                .formatted(codes[i] < 0 ? "beyond 2^31" : codes[i], first + i, centroids));
      }
    }
  }

  /** The codes in the type of the segment. */
  private MemorySegment stored(int[] codes, MemorySegment room) {
    DType type = foreign.codec().codeType();
    for (int i = 0; i < codes.length; i++) {
      if (type == DType.U16) {
        room.setAtIndex(Layouts.U16, i, (short) codes[i]);
      } else {
        room.setAtIndex(Layouts.I32, i, codes[i]);
      }
    }
    return room.asSlice(0, (long) codes.length * type.bytes());
  }

  private Manifest commit(IndexDirectory directory, SegmentWriter segment) {
    progress.stage("inverted lists", "lists", -1);
    ResidualCodec codec = foreign.codec();
    Manifest.CodecEntry entry =
        directory.writeCodec("codec-" + directory.nextCommit() + ".codec", codec);
    String model = options.model() == null ? foreign.model() : options.model();
    Manifest manifest =
        Manifest.of(
                directory.nextCommit(),
                new Manifest.Source(model, null, codec.dim(), null, TokenPooling.NONE),
                List.of(entry),
                List.of(segment.finish(codec, entry)))
            .withFields(segment.schema());
    directory.commit(manifest);
    return manifest;
  }
}
