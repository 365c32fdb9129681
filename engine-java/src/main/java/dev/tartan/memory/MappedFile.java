package dev.tartan.memory;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Maps whole files for reading. The mapping lives as long as the arena that it is given. */
public final class MappedFile {
  private MappedFile() {}

  /**
   * The bytes of {@code path}, read-only.
   *
   * @throws TartanException if the file cannot be opened or mapped
   */
  public static MemorySegment map(Path path, Arena arena) {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
    } catch (IOException e) {
      throw TartanException.io("cannot read " + path, e);
    }
  }
}
