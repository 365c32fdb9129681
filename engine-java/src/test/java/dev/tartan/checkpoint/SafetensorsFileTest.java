package dev.tartan.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.memory.Layouts;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsFileTest {
  private static final float[] VALUES = {1, -2, 0.5f, 3, 4, -0.25f};

  @TempDir Path folder;

  @Test
  void readsWhatItWrites() throws IOException {
    Path path = folder.resolve("a.safetensors");
    StoredTensor tensor =
        StoredTensor.of(ElementType.F32, new long[] {2, 3}, OffHeap.floats(VALUES));
    SafetensorsFile.write(path, Map.of("linear.weight", tensor));
    try (Arena arena = Arena.ofConfined()) {
      Weights weights = SafetensorsFile.open(path, arena);
      assertArrayEquals(new long[] {2, 3}, weights.tensor("linear.weight").shape());
      assertArrayEquals(
          VALUES, weights.floats("linear.weight", arena).toArray(Layouts.F32), "values");
      TartanException missing =
          assertThrows(TartanException.class, () -> weights.tensor("linear.bias"));
      assertEquals(path + " has no tensor 'linear.bias'", missing.getMessage());
    }
  }

  @Test
  void convertsHalfPrecision() {
    ByteBuffer data = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : VALUES) {
      data.putShort(Float.floatToFloat16(value));
    }
    for (float value : VALUES) {
      data.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
    }
    byte[] file =
        file(
            "{\"h\":{\"dtype\":\"F16\",\"shape\":[6],\"data_offsets\":[0,12]},"
                + "\"b\":{\"dtype\":\"BF16\",\"shape\":[6],\"data_offsets\":[12,24]}}",
            data.array());
    try (Arena arena = Arena.ofConfined()) {
      Weights weights = SafetensorsFile.of("test", MemorySegment.ofArray(file));
      assertArrayEquals(VALUES, weights.floats("h", arena).toArray(Layouts.F32));
      assertArrayEquals(VALUES, weights.floats("b", arena).toArray(Layouts.F32));
    }
  }

  @Test
  void saysWhatIsWrong() throws IOException {
    String header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}";
    assertBad("is truncated", file(header, new byte[20]));
    assertBad("does not fit", file(header.replace("[2,3]", "[2,4]"), new byte[24]));
    assertBad("too large", file(header.replace("2,3", "4611686018427387904,9"), new byte[24]));
    assertBad("type \"F8_E4M3\"", file(header.replace("F32", "F8_E4M3"), new byte[24]));
    assertBad("is no JSON", file("{ ", new byte[0]));
    assertBad("no safetensors file", new byte[4]);
    assertBad("no safetensors file", "<!DOCTYPE html>".getBytes(StandardCharsets.UTF_8));
    Path missing = folder.resolve("none");
    try (Arena arena = Arena.ofConfined()) {
      assertThrows(TartanException.class, () -> SafetensorsFile.open(missing, arena));
    }
    assertTrue(Files.notExists(missing));
  }

  @Test
  void damageIsAlwaysAnOrdinaryError() {
    byte[] file =
        file("{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}", new byte[24]);
    Damage.everyPrefixAndManyFlips(file, new Random(7), SafetensorsFile::of);
  }

  private static void assertBad(String expected, byte[] file) {
    TartanException e =
        assertThrows(
            TartanException.class, () -> SafetensorsFile.of("FILE", MemorySegment.ofArray(file)));
    String message = String.valueOf(e.getMessage());
    assertTrue(message.startsWith("FILE") && message.contains(expected), message);
  }

  private static byte[] file(String header, byte[] data) {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(8 + json.length + data.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(json.length)
        .put(json)
        .put(data)
        .array();
  }
}
