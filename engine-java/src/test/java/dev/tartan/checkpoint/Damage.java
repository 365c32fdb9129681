package dev.tartan.checkpoint;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import java.util.function.BiFunction;

/** Feeds damaged files to a reader: it may succeed or say what is wrong, and nothing else. */
final class Damage {
  private Damage() {}

  static void everyPrefixAndManyFlips(
      byte[] file, Random random, BiFunction<String, MemorySegment, Weights> reader) {
    for (int length = 0; length < file.length; length++) {
      read(Arrays.copyOf(file, length), "prefix of " + length, reader);
    }
    for (int i = 0; i < 3000; i++) {
      byte[] damaged = file.clone();
      int flips = 1 + random.nextInt(4);
      for (int f = 0; f < flips; f++) {
        damaged[random.nextInt(file.length)] = (byte) random.nextInt(256);
      }
      read(damaged, "round " + i, reader);
    }
  }

  private static void read(
      byte[] file, String what, BiFunction<String, MemorySegment, Weights> reader) {
    try (Arena arena = Arena.ofConfined()) {
      Weights weights = reader.apply("FILE", MemorySegment.ofArray(file));
      for (String name : weights.names()) {
        weights.floats(name, arena);
      }
    } catch (TartanException e) {
      String message = String.valueOf(e.getMessage());
      assertTrue(message.contains("FILE") && !message.contains("\n"), what + ": " + message);
    } catch (RuntimeException e) {
      throw new AssertionError(what, e);
    }
  }
}
