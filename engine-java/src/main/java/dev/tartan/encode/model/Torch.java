package dev.tartan.encode.model;

import dev.tartan.memory.TartanException;
import java.lang.foreign.MemorySegment;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Loads LibTorch once a process, and makes tensors of memory that Java owns. */
public final class Torch {
  private static final String ARTIFACTS =
      "org.bytedeco:pytorch, org.bytedeco:openblas and org.bytedeco:javacpp, each with the"
          + " classifier of this platform (such as linux-x86_64)";

  private static final String PHYSICAL = "org.bytedeco.javacpp.maxPhysicalBytes";

  private Torch() {}

  /**
   * Loads the native libraries, from the class path by way of a cache folder. Later calls are free.
   *
   * <p>Within a batch LibTorch works on one thread; Tartan runs several batches instead, which
   * scales better and never has two thread pools fight for the cores.
   *
   * @throws TartanException if they are not on the class path or do not load
   */
  public static void load() {
    try {
      Loaded.check();
    } catch (LinkageError e) {
      throw new TartanException(
          "encoding text needs LibTorch, which does not load (%s); put these on the class path: %s"
              .formatted(rootMessage(e), ARTIFACTS),
          e);
    }
  }

  private static final class Loaded {
    static {
      // JavaCPP's bound, twice the heap, would count mapped files too.
      if (System.getProperty(PHYSICAL) == null) {
        System.setProperty(PHYSICAL, "0");
      }
      torch.set_num_threads(1);
    }

    static void check() {}
  }

  private static String rootMessage(Throwable e) {
    Throwable cause = e;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    String message = String.valueOf(cause.getMessage());
    return message.lines().findFirst().orElse(message);
  }

  /** A pointer to memory that somebody else owns. */
  private static final class Address extends Pointer {
    Address(MemorySegment segment) {
      this.address = segment.address();
    }
  }

  /** A float32 tensor that shares {@code segment}, which must outlive it. */
  public static Tensor share(MemorySegment segment, long... shape) {
    return torch.from_blob(new Address(segment), shape, new TensorOptions(ScalarType.Float));
  }

  /** An int64 tensor with a copy of {@code values}; lives as long as the pointer scope. */
  public static Tensor longs(long[] values, long... shape) {
    return torch.from_blob(new LongPointer(values), shape, new TensorOptions(ScalarType.Long));
  }

  /** A float32 tensor with a copy of {@code values}; lives as long as the pointer scope. */
  public static Tensor floats(float[] values, long... shape) {
    return torch.from_blob(new FloatPointer(values), shape, new TensorOptions(ScalarType.Float));
  }

  /** The memory of a dense float32 tensor, which must outlive its use. */
  public static MemorySegment memory(Tensor tensor) {
    long bytes = tensor.numel() * Float.BYTES;
    return MemorySegment.ofAddress(tensor.data_ptr().address()).reinterpret(bytes);
  }

  /** Makes what LibTorch draws from here on follow from {@code seed}; for the whole process. */
  public static void seed(long seed) {
    torch.manual_seed(seed);
  }

  /** The values of a float32 tensor, row-major. */
  public static float[] toArray(Tensor tensor) {
    Tensor dense = tensor.contiguous();
    float[] values = new float[Math.toIntExact(dense.numel())];
    dense.data_ptr_float().get(values);
    return values;
  }
}
