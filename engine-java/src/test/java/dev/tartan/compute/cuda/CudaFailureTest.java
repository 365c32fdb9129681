package dev.tartan.compute.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.tartan.compute.Buffer;
import dev.tartan.compute.CentroidGrid;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whatever call of the driver fails, the user gets one line with its name and a remedy. */
class CudaFailureTest {
  @TempDir Path directory;

  @BeforeEach
  void setUp() {
    FakeDriver.file();
  }

  @AfterEach
  void tearDown() {
    FakeDriver.set("TARTAN_FAKE_FAIL", "");
    System.clearProperty(DeviceMemory.LIMIT);
  }

  @Test
  void theDeviceIsNamed() throws Exception {
    assertEquals("cuda (Tartan host emulation, sm_90, 1 GiB)", FakeDriver.child(Map.of()));
  }

  @Test
  void everyDeviceIsNamed() throws Exception {
    Map<String, String> two = Map.of("TARTAN_FAKE_DEVICES", "2");
    String one = "Tartan host emulation, sm_90, 1 GiB";
    assertEquals("cuda (" + one + "; " + one + ")", FakeDriver.child(two));
    String flag = "-D" + CudaDriver.DEVICES + "=";
    assertEquals("cuda (" + one + ")", FakeDriver.child(two, flag + "1"));
    for (String wrong : List.of("2", "0,-1", "a", "0,,1")) {
      assertRefused("numbers from 0 to 1", two, flag + wrong);
    }
  }

  /** Left out with a line; or, if it was asked for, the reason why nothing works. */
  @Test
  void theSecondDeviceFails() throws Exception {
    String call = "cuDevicePrimaryCtxRetain";
    Map<String, String> second =
        Map.of("TARTAN_FAKE_DEVICES", "2", "TARTAN_FAKE_FAIL", call + ":999:2");
    String line = "GPU 1 is not used: CUDA: " + call + " failed with CUDA_ERROR_UNKNOWN";
    List<String> said = FakeDriver.child(second).lines().toList();
    assertEquals(2, said.size(), said.toString());
    assertTrue(said.getFirst().startsWith("notice: " + line), said.getFirst());
    assertEquals("cuda (Tartan host emulation, sm_90, 1 GiB)", said.getLast());
    assertRefused(line, second, "-D" + CudaDriver.DEVICES + "=0,1");
  }

  /** As {@link CudaImage} chooses, the driver takes them, and they have all kernels. */
  @Test
  void everyDeviceHasKernels() throws Exception {
    assumeTrue(CudaImage.machineCode(8, 0, CudaImage::exists) != null, "no kernels were compiled");
    for (String capability : List.of("8.0", "8.7", "8.9", "9.0", "10.3", "11.0", "12.1", "13.0")) {
      String said =
          FakeDriver.child(
              Map.of("TARTAN_FAKE_CAPABILITY", capability), "-D" + CudaImage.PROPERTY + "=");
      String name = "sm_" + capability.replace(".", "");
      assertEquals("cuda (Tartan host emulation, " + name + ", 1 GiB)", said);
    }
  }

  @Test
  void noDevice() throws Exception {
    assertRefused("finds no device", Map.of("TARTAN_FAKE_DEVICES", "0"));
  }

  @Test
  void aDeviceThatIsTooOld() throws Exception {
    assertRefused("capability 7.0; 8.0", Map.of("TARTAN_FAKE_CAPABILITY", "7.0"));
  }

  @Test
  void aDriverThatDoesNotStart() throws Exception {
    assertRefused("cuInit failed with CUDA_ERROR_UNKNOWN", failing("cuInit:999"));
    assertRefused("CUDA_ERROR_NO_DEVICE", failing("cuDeviceGetAttribute:100"));
  }

  @Test
  void anImageThatIsNone() throws Exception {
    Path image = Files.writeString(directory.resolve("image"), "nonsense");
    String flag = "-D" + CudaImage.PROPERTY + "=" + image;
    assertRefused("CUDA_ERROR_INVALID_IMAGE", Map.of(), flag);
    assertRefused("is not there", Map.of(), flag + ".ptx");
  }

  @Test
  void aDriverThatIsNotThere() throws Exception {
    String flag = "-D" + CudaDriver.PROPERTY + "=" + directory.resolve("libcuda.so.1");
    assertRefused("is not there", Map.of(), flag);
  }

  private static Map<String, String> failing(String failure) {
    return Map.of("TARTAN_FAKE_FAIL", failure);
  }

  private static void assertRefused(String reason, Map<String, String> environment, String... flags)
      throws IOException, InterruptedException {
    String said = FakeDriver.child(environment, flags);
    assertTrue(said.startsWith("refused: ") && said.contains(reason), said);
    assertEquals(1, said.lines().count(), said);
  }

  @Test
  void everyCallThatFailsIsNamed() {
    for (String call :
        List.of(
            "cuDevicePrimaryCtxRetain",
            "cuDeviceGetName",
            "cuDeviceTotalMem_v2",
            "cuCtxSetCurrent",
            "cuModuleLoadData",
            "cuMemGetInfo_v2",
            "cuStreamCreate",
            "cuMemHostAlloc",
            "cuMemAlloc_v2",
            "cuMemsetD8Async",
            "cuMemcpyHtoDAsync_v2",
            "cuModuleGetFunction",
            "cuLaunchKernel",
            "cuMemcpyDtoHAsync_v2",
            "cuStreamSynchronize")) {
      FakeDriver.set("TARTAN_FAKE_FAIL", call + ":999:1");
      TartanException e = assertThrows(TartanException.class, CudaFailureTest::work, call);
      String name = call.replace("_v2", "");
      assertTrue(e.getMessage().contains(name + " failed with CUDA_ERROR_UNKNOWN"), e.getMessage());
      FakeDriver.set("TARTAN_FAKE_FAIL", "");
      work(); // nothing of the failure stays
    }
  }

  /** Something that needs every kind of call. */
  private static void work() {
    try (CudaBackend backend = CudaBackend.open(1, s -> {});
        Scope scope = backend.openScope()) {
      Buffer centroids = scope.allocate(DType.F32, 1, 8);
      centroids.copyFrom(MemorySegment.ofArray(new float[] {1, 0, 0, 0, 0, 0, 0, 0}));
      CentroidGrid grid = backend.grid(centroids, scope);
      assertEquals(127, grid.steps());
    }
  }

  @Test
  void memoryHasALimit() {
    System.setProperty(DeviceMemory.LIMIT, "1000000");
    try (CudaBackend backend = CudaBackend.open(1, s -> {});
        Scope scope = backend.openScope()) {
      Buffer small = scope.allocate(DType.U8, 500_000, 1);
      assertOutOfMemory(() -> scope.allocate(DType.U8, 500_000, 1));
      assertEquals(500_000, small.rows());
      scope.allocate(DType.U8, 300_000, 1);
    }
    System.setProperty(DeviceMemory.LIMIT, "a lot");
    assertThrows(TartanException.class, () -> CudaBackend.open(1, s -> {}));
  }

  @Test
  void theDeviceHasNoMore() {
    try (CudaBackend backend = CudaBackend.open(1, s -> {});
        Scope scope = backend.openScope()) {
      FakeDriver.set("TARTAN_FAKE_FAIL", "cuMemAlloc_v2:2:1");
      assertOutOfMemory(() -> scope.allocate(DType.U8, 100, 1));
      FakeDriver.set("TARTAN_FAKE_FAIL", "");
      scope.allocate(DType.U8, 100, 1);
    }
  }

  @Test
  void tokensStayOnTheHostWhereTheDeviceHasNoMore() {
    List<String> notices = new ArrayList<>();
    MemorySegment rows = MemorySegment.ofArray(new byte[] {1, 2, 3, 4, 5, 6});
    try (CudaBackend backend = CudaBackend.open(1, notices::add);
        Scope scope = backend.openScope()) {
      FakeDriver.set("TARTAN_FAKE_FAIL", "cuMemAlloc_v2:2:1");
      assertOutOfMemory(() -> scope.wrap(DType.I32, 1, rows.asSlice(0, 4)));
      for (int again = 0; again < 2; again++) {
        Buffer residuals = scope.wrap(DType.U8, 2, rows);
        MemorySegment copy = MemorySegment.ofArray(new byte[2]);
        residuals.slice(1, 2).copyRowsTo(1, 1, copy);
        assertEquals(5, copy.get(ValueLayout.JAVA_BYTE, 0));
      }
      assertEquals(1, notices.size(), notices.toString());
    }
  }

  private static void assertOutOfMemory(Runnable call) {
    TartanException e = assertThrows(TartanException.class, call::run);
    assertTrue(e.getMessage().startsWith("out of device memory"), e.getMessage());
    assertEquals(1, e.getMessage().lines().count(), e.getMessage());
  }
}
