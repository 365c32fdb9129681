package dev.tartan.compute.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A driver that is missing or unfit is a value in one line, never an Error. */
class CudaDriverTest {
  @TempDir Path directory;

  @Test
  void aMissingFile() {
    assertAbsent(directory.resolve("libcuda.so.1"), "is not there");
  }

  @Test
  void aFileThatIsNoLibrary() throws IOException {
    assertAbsent(Files.writeString(directory.resolve("libcuda.so.1"), "text"), "does not load");
  }

  @Test
  void aLibraryWithoutTheFunctions() {
    String any = System.getProperty("java.home") + "/lib/libjava.so";
    assertAbsent(Path.of(any), Files.exists(Path.of(any)) ? "older than" : "is not there");
  }

  private static void assertAbsent(Path file, String reason) {
    CudaDriver driver = CudaDriver.find(file.toString());
    assertNull(driver.lookup());
    String absence = driver.absence();
    assertNotNull(absence);
    assertTrue(absence.contains(reason), absence);
    assertEquals(1, absence.lines().count());
  }
}
