package dev.tartan.compute;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.compute.cuda.CudaBackend;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * Where a device is to be tested ({@code ./tartan gpu-check}), the other tests must not pass for
 * want of it.
 */
class CudaDemandedTest {
  @Test
  @EnabledIfSystemProperty(
      named = "tartan.cuda.demanded",
      matches = "true",
      disabledReason = "no device is demanded: ./tartan gpu-check does")
  void cudaContends() {
    assertNull(CudaBackend.problem());
    List<Backend> all = Contenders.all();
    try {
      assertTrue(all.stream().anyMatch(backend -> backend.name().equals("cuda")));
    } finally {
      all.forEach(Backend::close);
    }
  }
}
