package dev.tartan.checkpoint;

import dev.tartan.memory.MappedFile;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Map;

/** A file that Python's {@code pickle} made of a dictionary of numbers and strings. */
public final class PickledMap {
  private PickledMap() {}

  /**
   * The dictionary of {@code path}: integers are {@link Long}, strings {@link String}.
   *
   * @throws TartanException if it cannot be read, is damaged, or asks for anything but plain values
   */
  public static Map<?, ?> read(Path path) {
    try (Arena arena = Arena.ofConfined()) {
      Object value =
          new StateDictReader(
                  path.toString(),
                  MappedFile.map(path, arena),
                  key -> {
                    throw new TartanException(path + " refers to tensors, and no file has them");
                  })
              .read();
      if (value instanceof Map<?, ?> map) {
        return map;
      }
      throw new TartanException(path + " holds no dictionary");
    }
  }
}
