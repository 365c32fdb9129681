package dev.tartan.encode.model;

import dev.tartan.memory.TartanException;
import java.util.Arrays;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The second moment (mean of x times its transpose, not centred) of many rows, summed in double
 * precision, and its eigenvectors. Confined to one thread.
 */
public final class SecondMoment {
  private final int size;
  private final double[] sum;
  private double weight;
  private long rows;

  /**
   * @param size values in a row
   */
  public SecondMoment(int size) {
    Torch.load();
    this.size = size;
    this.sum = new double[size * size];
  }

  /** Rows added so far. */
  public long rows() {
    return rows;
  }

  /** Adds rows of {@code size} values. */
  public void add(float[] values) {
    if (values.length == 0) {
      return;
    }
    try (PointerScope _ = new PointerScope()) {
      Tensor x = Torch.floats(values, values.length / size, size).to(ScalarType.Double);
      double[] product = toArray(torch.matmul(x.t(), x));
      for (int i = 0; i < sum.length; i++) {
        sum[i] += product[i];
      }
    }
    int added = values.length / size;
    rows += added;
    weight += added;
  }

  /** Adds the mean of {@code other} with the weight of one row, however many it is made of. */
  public void addMean(SecondMoment other) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] += other.sum[i] / other.weight;
    }
    rows += other.rows;
    weight++;
  }

  /**
   * The directions of the largest eigenvalues and those values, largest first.
   *
   * @param vectors row-major [count, size]; in each the entry of the largest magnitude is positive,
   *     so the same rows give the same directions everywhere
   * @param values [count]
   */
  public record Eigen(double[] vectors, double[] values) {
    @Override
    public String toString() {
      return "Eigen" + Arrays.toString(values);
    }
  }

  /**
   * Decomposes the weighted mean over the rows.
   *
   * @param count how many directions, at most {@code size}
   * @throws TartanException if fewer rows than {@code count} were added
   */
  public Eigen eigen(int count) {
    if (rows < count || count > size) {
      throw new TartanException(
          "%d directions of %d values cannot be fitted to %d tokens; give more text"
              .formatted(count, size, rows));
    }
    double[] mean = Arrays.stream(sum).map(value -> value / weight).toArray();
    try (PointerScope _ = new PointerScope()) {
      Tensor matrix =
          torch.from_blob(
              new DoublePointer(mean),
              new long[] {size, size},
              new TensorOptions(ScalarType.Double));
      T_TensorTensor_T result = torch.linalg_eigh(matrix);
      double[] ascending = toArray(result.get0());
      double[] columns = toArray(result.get1());
      double[] vectors = new double[count * size];
      double[] values = new double[count];
      for (int k = 0; k < count; k++) {
        int column = size - 1 - k;
        values[k] = ascending[column];
        for (int i = 0; i < size; i++) {
          vectors[k * size + i] = columns[i * size + column];
        }
        fixSign(vectors, k * size);
      }
      return new Eigen(vectors, values);
    }
  }

  private void fixSign(double[] vectors, int from) {
    int largest = from;
    for (int i = from; i < from + size; i++) {
      // A clear margin: entries of equal magnitude must not swap by a rounding error.
      if (Math.abs(vectors[i]) > Math.abs(vectors[largest]) * (1 + 1e-9)) {
        largest = i;
      }
    }
    if (vectors[largest] < 0) {
      for (int i = from; i < from + size; i++) {
        vectors[i] = -vectors[i];
      }
    }
  }

  private static double[] toArray(Tensor tensor) {
    Tensor dense = tensor.contiguous();
    double[] values = new double[Math.toIntExact(dense.numel())];
    dense.data_ptr_double().get(values);
    return values;
  }
}
