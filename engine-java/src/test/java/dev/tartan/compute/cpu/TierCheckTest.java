package dev.tartan.compute.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.tartan.compute.host.HostKernels;
import dev.tartan.compute.host.HostViews;
import dev.tartan.compute.host.StageCall;
import dev.tartan.compute.reference.ReferenceKernels;
import dev.tartan.memory.TartanException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** A tier that lies or fails does not serve. */
class TierCheckTest {
  private static final List<String> CHECKED =
      List.of(
          "integerScores",
          "candidates",
          "approximateScores",
          "integerMaxSim",
          "integerMaxSimPair",
          "rescore",
          "maxSim",
          "centroidScores",
          "maxSimDense",
          "nearestCentroids",
          "compress",
          "decompress",
          "accumulateCentroids");

  @Test
  void everyTierHereAgreesWithPlainJava() {
    List<CpuKernels> tiers = CpuKernels.all();
    assumeTrue(!tiers.isEmpty(), "no CPU kernels");
    for (CpuKernels tier : tiers) {
      assertNull(TierCheck.problem(tier, new ReferenceKernels()), tier.description());
    }
    List<String> notices = new ArrayList<>();
    assertEquals(tiers.getLast().description(), CpuKernels.best(notices::add).description());
    assertEquals(List.of(), notices);
  }

  @Test
  void aTierThatLiesInAnyOperationIsDemotedWithOneLine() {
    HostKernels scalar = new ReferenceKernels();
    for (String operation : CHECKED) {
      HostKernels liar = broken("liar", operation, null);
      List<String> notices = new ArrayList<>();
      HostKernels chosen = TierCheck.best(List.of(scalar, scalar, liar), notices::add);
      assertSame(scalar, chosen, operation);
      assertEquals(1, notices.size(), operation);
      assertTrue(
          notices.getFirst().startsWith("cpu (liar) fails its self-check ("), notices::getFirst);
    }
  }

  @Test
  void aTierThatFailsIsDemotedAndRefusedByName() {
    HostKernels scalar = new ReferenceKernels();
    HostKernels failing = broken("failing", "integerMaxSim", new TartanException("out of order"));
    List<String> notices = new ArrayList<>();
    assertSame(scalar, TierCheck.best(List.of(scalar, failing), notices::add));
    assertTrue(notices.getFirst().contains("out of order"), notices::getFirst);
    TartanException refusal =
        assertThrows(
            TartanException.class, () -> TierCheck.named(List.of(scalar, failing), "failing"));
    assertTrue(refusal.getMessage().contains("out of order"), refusal::getMessage);
    assertThrows(TartanException.class, () -> TierCheck.named(List.of(scalar), "avx1024"));
  }

  /** Plain Java that changes what one operation writes, or throws there. */
  private static HostKernels broken(
      String tier, String operation, @Nullable TartanException failure) {
    HostKernels honest = new ReferenceKernels();
    return (HostKernels)
        Proxy.newProxyInstance(
            HostKernels.class.getClassLoader(),
            new Class<?>[] {HostKernels.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("description")) {
                return "cpu (" + tier + ")";
              }
              if (failure != null && method.getName().equals(operation)) {
                throw failure;
              }
              Object result = invoke(honest, method, arguments);
              if (method.getName().equals(operation)) {
                lie(operation, arguments);
              }
              return result;
            });
  }

  private static Object invoke(HostKernels honest, Method method, Object[] arguments)
      throws Throwable {
    try {
      return method.invoke(honest, arguments);
    } catch (InvocationTargetException e) {
      throw e.getTargetException();
    }
  }

  /** Turns a bit of what an operation writes. */
  private static void lie(String operation, Object[] arguments) {
    MemorySegment out =
        switch (operation) {
          case "integerScores" -> HostViews.segment(call(arguments).integers().scores());
          case "candidates" -> HostViews.segment(call(arguments).out().scores());
          case "approximateScores",
              "integerMaxSim",
              "integerMaxSimPair",
              "rescore",
              "maxSimDense" ->
              HostViews.segment(call(arguments).candidates().scores());
          case "centroidScores" -> ((HostKernels.HostQuery) arguments[0]).scores();
          default -> (MemorySegment) arguments[arguments.length - 1];
        };
    out.set(ValueLayout.JAVA_BYTE, 2, (byte) (out.get(ValueLayout.JAVA_BYTE, 2) ^ 0x10));
  }

  private static StageCall call(Object[] arguments) {
    return (StageCall) arguments[0];
  }
}
