package dev.tartan.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.memory.Layouts;
import dev.tartan.memory.TartanException;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class OnnxFileTest {
  /** A linear layer as exporters leave it: named bias, anonymous transposed weight, MatMul. */
  private static byte[] model() {
    byte[] weight = tensor("onnx::MatMul_7", new long[] {2, 3}, 0, 1, 2, 3, 4, 5);
    byte[] bias = tensor("layer.0.query.bias", new long[] {3}, 7, 8, 9);
    byte[] node =
        join(
            field(1, "x"),
            field(1, "onnx::MatMul_7"),
            field(3, "/layer.0/query/MatMul"),
            field(4, "MatMul"));
    byte[] graph = join(field(1, node), field(5, weight), field(5, bias));
    return join(field(2, "exporter"), field(7, graph));
  }

  @Test
  void namesAnonymousWeightsByTheirConsumer() {
    try (Arena arena = Arena.ofConfined()) {
      Weights weights = OnnxFile.of("FILE", MemorySegment.ofArray(model()));
      assertEquals(Set.of("layer.0.query.bias", "layer.0.query.weight"), weights.names());
      assertArrayEquals(new long[] {3, 2}, weights.tensor("layer.0.query.weight").shape());
      assertArrayEquals(
          new float[] {0, 3, 1, 4, 2, 5},
          weights.floats("layer.0.query.weight", arena).toArray(Layouts.F32));
      assertArrayEquals(
          new float[] {7, 8, 9}, weights.floats("layer.0.query.bias", arena).toArray(Layouts.F32));
    }
  }

  @Test
  void saysWhatIsWrong() {
    byte[] noise = new byte[64];
    new Random(3).nextBytes(noise);
    assertBad(noise);
    assertBad(new byte[0]);
  }

  @Test
  void damageIsAlwaysAnOrdinaryError() {
    Damage.everyPrefixAndManyFlips(model(), new Random(5), OnnxFile::of);
  }

  private static void assertBad(byte[] file) {
    TartanException e =
        assertThrows(TartanException.class, () -> OnnxFile.of("FILE", MemorySegment.ofArray(file)));
    assertTrue(String.valueOf(e.getMessage()).startsWith("FILE "), e.getMessage());
  }

  private static byte[] tensor(String name, long[] shape, float... values) {
    ByteBuffer raw = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      raw.putFloat(value);
    }
    byte[] dims = {};
    for (long extent : shape) {
      dims = join(dims, new byte[] {1 << 3, (byte) extent});
    }
    return join(dims, new byte[] {2 << 3, 1}, field(8, name), field(9, raw.array()));
  }

  private static byte[] field(int number, String text) {
    return field(number, text.getBytes(StandardCharsets.UTF_8));
  }

  private static byte[] field(int number, byte[] bytes) {
    byte[] head = {
      (byte) ((number << 3) | 2), (byte) ((bytes.length & 0x7f) | 0x80), (byte) (bytes.length >> 7)
    };
    return join(head, bytes);
  }

  private static byte[] join(byte[]... parts) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      bytes.writeBytes(part);
    }
    return bytes.toByteArray();
  }
}
