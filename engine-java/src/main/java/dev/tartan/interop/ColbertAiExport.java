package dev.tartan.interop;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tartan.checkpoint.ElementType;
import dev.tartan.codec.ResidualCodec;
import dev.tartan.interop.TorchArchive.Tensor;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.segment.Component;
import dev.tartan.segment.Manifest;
import dev.tartan.segment.Segment;
import dev.tartan.segment.Snapshot;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;

/**
 * Writes an index of codec kind {@code colbertv2} in the layout of colbert-ai: codes and packed
 * residuals as they are, deleted documents left out. Ids, texts and metadata go into the files that
 * RAGatouille keeps beside. Streams; holds four bytes a passage. Confined to one thread.
 */
public final class ColbertAiExport {
  /** Passages of a chunk, as colbert-ai makes them. */
  private static final int CHUNK = 25_000;

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final JsonFactory FACTORY = new JsonFactory();

  private final Snapshot snapshot;
  private final ResidualCodec codec;
  private final Path to;
  private final Progress progress;

  private ColbertAiExport(Snapshot snapshot, Path to, Progress progress) {
    this.snapshot = snapshot;
    this.codec = requireCodec(snapshot);
    this.to = to;
    this.progress = progress;
  }

  /** What was written. */
  public record Result(long passages, long tokens, int chunks) {}

  /**
   * Writes what lives in {@code snapshot} to the folder {@code to}.
   *
   * @param to created if need be; must be empty
   * @throws TartanException if the index is of another codec kind or of several codecs, or the
   *     folder is not empty or cannot be written
   */
  public static Result run(Snapshot snapshot, Path to, Progress progress) {
    return run(snapshot, to, CHUNK, progress);
  }

  static Result run(Snapshot snapshot, Path to, int chunk, Progress progress) {
    try (Snapshot.Lease _ = snapshot.lease()) {
      return new ColbertAiExport(snapshot, to, progress).write(chunk);
    }
  }

  private static ResidualCodec requireCodec(Snapshot snapshot) {
    long codecs =
        snapshot.manifest().segments().stream()
            .map(Manifest.SegmentEntry::codec)
            .distinct()
            .count();
    if (codecs > 1) {
      throw new TartanException(
          "the index at %s holds segments of %d codecs, colbert-ai has one; give it one codec with 'tartan compact --retrain' first"
              .formatted(snapshot.directory(), codecs));
    }
    ResidualCodec codec =
        snapshot.segments().isEmpty() ? snapshot.codec() : snapshot.segments().getFirst().codec();
    if (codec.kind() != ResidualCodec.Kind.COLBERTV2
        || codec.rotation() != null
        || codec.nbits() > 8
        || 8 % codec.nbits() != 0) {
      throw new TartanException(
          "the index at %s has codec %s at %d bits; colbert-ai reads colbertv2 at 1, 2, 4 or 8: index with --codec colbertv2 to export"
              .formatted(snapshot.directory(), codec.kind().label(), codec.nbits()));
    }
    return codec;
  }

  private Result write(int most) {
    requireEmpty();
    List<ExportedPassages> chunks = ExportedPassages.chunks(snapshot.segments(), codec, most);
    long passages = chunks.stream().mapToLong(ExportedPassages::passages).sum();
    long tokens = chunks.stream().mapToLong(ExportedPassages::tokens).sum();
    progress.stage("exporting", "tokens", tokens);
    writeCodec();
    for (int c = 0; c < chunks.size(); c++) {
      ExportedPassages chunk = chunks.get(c);
      TorchArchive.write(to.resolve(c + ".codes.pt"), chunk.codes());
      TorchArchive.write(to.resolve(c + ".residuals.pt"), chunk.residuals());
      int[] doclens = chunk.doclens();
      writeJson("doclens." + c + ".json", out -> out.writeArray(doclens, 0, doclens.length));
      progress.advance(chunk.tokens());
    }
    writeChunkMetadata(chunks);
    progress.stage("inverted lists", "lists", -1);
    ExportedLists lists = new ExportedLists(snapshot.segments(), codec);
    TorchArchive.write(to.resolve("ivf.pid.pt"), lists.passages(), lists.lengths());
    writeRecords(chunks);
    writeMetadata("plan.json", chunks.size(), passages, tokens, "_est");
    writeMetadata("metadata.json", chunks.size(), passages, tokens, ""); // last: now it is whole
    return new Result(passages, tokens, chunks.size());
  }

  private void requireEmpty() {
    try {
      Files.createDirectories(to);
      try (Stream<Path> files = Files.list(to)) {
        if (files.findAny().isPresent()) {
          throw new TartanException(to + " is not empty; name a new folder");
        }
      }
    } catch (IOException e) {
      throw TartanException.io("cannot write " + to, e);
    }
  }

  private void writeCodec() {
    long rows = codec.centroids().rows();
    TorchArchive.write(
        to.resolve("centroids.pt"), floats(codec.centroids().data(), rows, codec.dim()));
    TorchArchive.write(
        to.resolve("buckets.pt"),
        Tensor.of(ElementType.F32, codec.cutoffs(), (1 << codec.nbits()) - 1),
        Tensor.of(ElementType.F32, codec.weights(), 1 << codec.nbits()));
    float mean = 0; // buckets are about equally frequent; nothing is computed from this number
    for (int i = 0; i < 1 << codec.nbits(); i++) {
      mean += Math.abs(codec.weights().getAtIndex(Layouts.F32, i)) / (1 << codec.nbits());
    }
    TorchArchive.write(
        to.resolve("avg_residual.pt"),
        Tensor.of(ElementType.F32, MemorySegment.ofArray(new float[] {mean})));
  }

  /** Centroids in float16, which colbert-ai keeps, unless that would change them. */
  private static Tensor floats(MemorySegment values, long rows, long columns) {
    short[] halves = new short[Math.toIntExact(rows * columns)];
    for (int i = 0; i < halves.length; i++) {
      float value = values.getAtIndex(Layouts.F32, i);
      halves[i] = Float.floatToFloat16(value);
      if (Float.float16ToFloat(halves[i]) != value) {
        return Tensor.of(ElementType.F32, values, rows, columns);
      }
    }
    return Tensor.of(ElementType.F16, MemorySegment.ofArray(halves), rows, columns);
  }

  private void writeChunkMetadata(List<ExportedPassages> chunks) {
    long passage = 0;
    long token = 0;
    for (int c = 0; c < chunks.size(); c++) {
      ObjectNode told = JSON.createObjectNode();
      told.put("passage_offset", passage).put("num_passages", chunks.get(c).passages());
      told.put("embedding_offset", token).put("num_embeddings", chunks.get(c).tokens());
      writeJson(c + ".metadata.json", out -> JSON.writeTree(out, told));
      passage += chunks.get(c).passages();
      token += chunks.get(c).tokens();
    }
  }

  private void writeMetadata(
      String file, int chunks, long passages, long tokens, String estimated) {
    ObjectNode told = JSON.createObjectNode();
    ObjectNode config = told.putObject("config");
    config.put("dim", codec.dim()).put("nbits", codec.nbits()).put("similarity", "cosine");
    if (snapshot.manifest().model() != null) {
      config.put("checkpoint", snapshot.manifest().model());
    }
    told.put("num_chunks", chunks).put("num_partitions", codec.centroids().rows());
    told.put("num_embeddings" + estimated, tokens);
    told.put("avg_doclen" + estimated, passages == 0 ? 0 : (double) tokens / passages);
    writeJson(file, out -> JSON.writeTree(out, told));
  }

  /** Ids and, where there are any, metadata and texts. */
  private void writeRecords(List<ExportedPassages> chunks) {
    writeJson(
        "pid_docid_map.json",
        out -> {
          out.writeStartObject();
          int passage = 0;
          for (ExportedPassages chunk : chunks) {
            for (String id : chunk.ids()) {
              out.writeStringField(Integer.toString(passage++), id);
            }
          }
          out.writeEndObject();
        });
    if (snapshot.segments().stream().anyMatch(s -> s.bytes(Component.METADATA) > 0)) {
      writeMetadataOfDocuments(chunks);
    }
    boolean texts = snapshot.segments().stream().allMatch(ColbertAiExport::hasTexts);
    if (texts) {
      writeJson(
          "collection.json",
          out -> {
            out.writeStartArray();
            for (ExportedPassages chunk : chunks) {
              for (String text : chunk.texts()) {
                out.writeString(text);
              }
            }
            out.writeEndArray();
          });
    }
  }

  private void writeMetadataOfDocuments(List<ExportedPassages> chunks) {
    writeJson(
        "docid_metadata_map.json",
        out -> {
          out.writeStartObject();
          String last = null;
          for (ExportedPassages chunk : chunks) {
            Iterator<String> ids = chunk.ids().iterator();
            for (String metadata : chunk.metadata()) {
              String id = ids.next();
              if (!metadata.isEmpty() && !id.equals(last)) {
                out.writeFieldName(id);
                out.writeRawValue(metadata);
              }
              last = id;
            }
          }
          out.writeEndObject();
        });
  }

  private static boolean hasTexts(Segment segment) {
    return segment.passages() == 0 || segment.text(0) != null;
  }

  private interface JsonBody {
    void write(JsonGenerator out) throws IOException;
  }

  private void writeJson(String name, JsonBody body) {
    Path file = to.resolve(name);
    try (JsonGenerator out = FACTORY.createGenerator(file.toFile(), JsonEncoding.UTF8)) {
      body.write(out);
    } catch (IOException e) {
      throw TartanException.io("cannot write " + file, e);
    }
  }
}
