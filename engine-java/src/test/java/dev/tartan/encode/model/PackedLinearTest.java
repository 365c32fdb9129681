package dev.tartan.encode.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.tartan.checkpoint.StoredTensor;
import dev.tartan.checkpoint.Weights;
import java.lang.foreign.Arena;
import java.util.Map;
import java.util.Random;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.InferenceMode;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;

class PackedLinearTest {
  private record NoWeights() implements Weights {
    @Override
    public String source() {
      return "none";
    }

    @Override
    public Map<String, StoredTensor> tensors() {
      return Map.of();
    }
  }

  @Test
  void givesWhatAnUnpackedLayerGives() {
    Torch.load();
    try (Arena arena = Arena.ofConfined();
        Parameters parameters = new Parameters(new NoWeights(), arena);
        PointerScope _ = new PointerScope();
        InferenceMode _ = new InferenceMode(true)) {
      for (int seed = 0; seed < 60; seed++) {
        Random random = new Random(seed);
        int in = 1 + random.nextInt(100);
        int out = 1 + random.nextInt(100);
        int rows = 1 + random.nextInt(70);
        torch.manual_seed(seed);
        Tensor weight = torch.randn(out, in);
        Tensor bias = random.nextBoolean() ? torch.randn(out) : null;
        PackedLinear packed = PackedLinear.of(parameters, weight, bias);
        assumeTrue(packed != null, "LibTorch has no oneDNN here");
        Tensor x = torch.randn(rows, in);
        Tensor expected =
            torch.linear(x, weight, bias == null ? new TensorOptional() : new TensorOptional(bias));
        Tensor actual = packed.apply(x);
        assertEquals(out, actual.size(1));
        float worst = actual.sub(expected).abs().max().item_float();
        assertTrue(worst < 1e-5 * (in + 1), "seed " + seed + ": " + worst);
      }
    }
  }
}
