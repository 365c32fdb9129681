package dev.tartan.compute.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Set;
import org.junit.jupiter.api.Test;

class CudaImageTest {
  private static final Set<String> BUILT =
      Set.of(name(80), name(86), name(89), name(90), name(100), name(120));

  @Test
  void machineCodeIsOfTheSameMajorAndNoLaterMinor() {
    assertEquals(name(80), chosen(8, 0));
    assertEquals(name(86), chosen(8, 6));
    assertEquals(name(86), chosen(8, 7));
    assertEquals(name(89), chosen(8, 9));
    assertEquals(name(90), chosen(9, 0));
    assertEquals(name(100), chosen(10, 3));
    assertEquals(name(120), chosen(12, 1));
    assertNull(chosen(11, 0));
    assertNull(chosen(7, 5));
    assertNull(chosen(13, 0));
  }

  private static String chosen(int major, int minor) {
    return CudaImage.machineCode(major, minor, BUILT::contains);
  }

  private static String name(int architecture) {
    return "META-INF/cuda/sm_" + architecture + ".cubin";
  }

  @Test
  void ptxTellsWhatItWasWrittenFor() {
    assertEquals(80, CudaImage.target(ptx(".version 8.0\n.target sm_80\n.address_size 64\n")));
    assertEquals(120, CudaImage.target(ptx("//\n.target   sm_120, debug\n")));
    assertEquals(Integer.MAX_VALUE, CudaImage.target(ptx("nonsense")));
  }

  private static byte[] ptx(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  @Test
  void anOldDeviceIsTold() {
    String problem = CudaImage.problem(7, 5);
    assertTrue(problem != null && problem.contains("7.5") && problem.contains("8.0"), problem);
  }
}
