package dev.tartan.compute.cuda;

import dev.tartan.compute.Buffer;
import dev.tartan.compute.CodecTables;
import dev.tartan.compute.CompressedPassages;

/** The stages of indexing, each one launch. Shapes are checked already. */
final class IndexingStages {
  private static final int NEAREST_A_BLOCK = 64; // rows, as in the next two
  private static final int COMPRESSED_A_BLOCK = 32;
  private static final int DECOMPRESSED_A_BLOCK = 8;

  /** Blocks of a kernel that goes through its rows in strides, for each multiprocessor. */
  private static final int BLOCKS = 8;

  private final CudaBackend backend;

  IndexingStages(CudaBackend backend) {
    this.backend = backend;
  }

  void nearestCentroids(Buffer rows, Buffer centroids, Buffer codes) {
    backend
        .scope(codes)
        .call(0)
        .buffer(rows)
        .buffer(centroids)
        .buffer(codes)
        .number(rows.rows())
        .number(centroids.rows())
        .integer(rows.columns())
        .integer(0)
        .launch(Kernel.NEAREST_CENTROIDS, Math.ceilDiv(rows.rows(), NEAREST_A_BLOCK), 1);
  }

  void accumulateCentroids(Buffer rows, Buffer codes, Buffer sums, Buffer counts) {
    long blocks = Math.min(rows.rows(), (long) BLOCKS * backend.multiprocessors());
    backend
        .scope(sums)
        .call(0)
        .buffer(rows)
        .buffer(codes)
        .buffer(sums)
        .buffer(counts)
        .number(rows.rows())
        .number(counts.rows())
        .status()
        .integer(rows.columns())
        .integer(0)
        .launch(Kernel.ACCUMULATE_CENTROIDS, blocks, 1);
  }

  void compress(Buffer rows, Buffer codes, CodecTables codec, Buffer residuals, Buffer factors) {
    backend
        .scope(residuals)
        .call(0)
        .codec(codec)
        .buffer(rows)
        .buffer(codes)
        .buffer(residuals)
        .buffer(factors)
        .number(rows.rows())
        .status()
        .launch(
            Kernel.COMPRESS,
            Math.ceilDiv(rows.rows(), COMPRESSED_A_BLOCK),
            1,
            COMPRESSED_A_BLOCK * codec.dim());
  }

  void decompress(CodecTables codec, CompressedPassages passages, long firstToken, Buffer out) {
    CudaScope on = backend.scope(out);
    CudaBuffer residuals = backend.own(passages.residuals());
    if (residuals.onHost()) {
      Buffer factors = passages.factors();
      CompressedPassages part =
          new CompressedPassages(
              passages.offsets(),
              passages.codes().slice(firstToken, out.rows()),
              on.bring(residuals.slice(firstToken, out.rows())),
              factors == null ? null : factors.slice(firstToken, out.rows()));
      decompress(on, codec, part, 0, out);
    } else {
      decompress(on, codec, passages, firstToken, out);
    }
  }

  private static void decompress(
      CudaScope on, CodecTables codec, CompressedPassages passages, long firstToken, Buffer out) {
    on.call(0)
        .codec(codec)
        .passages(passages)
        .number(firstToken)
        .number(out.rows())
        .buffer(out)
        .status()
        .launch(Kernel.DECOMPRESS, Math.ceilDiv(out.rows(), DECOMPRESSED_A_BLOCK), 1);
  }
}
