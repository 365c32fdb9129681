package dev.tartan.indexing;

import dev.tartan.memory.DType;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.NpyFile;
import dev.tartan.memory.NpyWriter;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Token embeddings on their way: float16 on disk until the codec, which needs a sample of all of
 * them, is trained. So a text is encoded once, and memory is bounded by the sample; the price is 2
 * * dim bytes a token of passing disk space.
 */
final class Spool implements EmbeddingSource, AutoCloseable {
  private final Path path;
  private final int dim;
  private final NpyWriter writer;
  private @Nullable NpyFile reader;

  Spool(Path path, int dim) {
    this.path = path;
    this.dim = dim;
    this.writer = new NpyWriter(path, DType.F16, dim);
  }

  void add(Matrix rows) {
    writer.writeRows(rows);
  }

  @Override
  public long tokens() {
    return writer.rows();
  }

  @Override
  public int dim() {
    return dim;
  }

  @Override
  public String name() {
    return "the encoded passages";
  }

  @Override
  public void read(long first, Matrix target) {
    if (reader == null) {
      writer.close();
      reader = NpyFile.open(path);
    }
    reader.readFloats(first * dim, target.rows() * dim, target.data());
  }

  @Override
  public void close() {
    if (reader == null) {
      writer.close();
    } else {
      reader.close();
    }
  }
}
