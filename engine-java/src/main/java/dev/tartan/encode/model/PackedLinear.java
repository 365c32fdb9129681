package dev.tartan.encode.model;

import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Argument;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.GenericList;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.OperatorHandle;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * A linear layer whose weight oneDNN has brought into the order in which its kernels read it.
 * {@code torch.linear} leaves that to each call, which for the few rows of a query costs as much as
 * the product itself: 1.8 times as fast with 23 rows, 1.1 times with 512 (Zen 4, one thread). The
 * operator is the one that PyTorch's compiler emits; LibTorch offers it by name only.
 */
final class PackedLinear {
  private final Operators operators;
  private final IValue weight;
  private final IValue bias;

  private PackedLinear(Operators operators, IValue weight, IValue bias) {
    this.operators = operators;
    this.weight = weight;
    this.bias = bias;
  }

  /**
   * Packs a weight, which takes its memory once more; null where this build of LibTorch cannot.
   *
   * @param parameters keep the result until they close
   * @param bias null for none
   */
  static @Nullable PackedLinear of(Parameters parameters, Tensor weight, @Nullable Tensor bias) {
    Operators operators = Operators.FOUND;
    if (operators == null) {
      return null;
    }
    return new PackedLinear(
        operators,
        parameters.keep(new IValue(operators.packed(weight))),
        parameters.keep(bias == null ? new IValue() : new IValue(bias)));
  }

  /** [rows, in] to [rows, out]. */
  Tensor apply(Tensor x) {
    return operators.product(x, weight, bias);
  }

  /** The operators, and the arguments that say that nothing is to follow the product. */
  private record Operators(
      OperatorHandle pack, OperatorHandle linear, IValue none, IValue noScalars, IValue empty) {
    static final @Nullable Operators FOUND = find();

    private static @Nullable Operators find() {
      if (!torch.hasMKLDNN()) {
        return null;
      }
      try (PointerScope _ = new PointerScope()) {
        Dispatcher dispatcher = Dispatcher.singleton();
        OperatorHandle linear = dispatcher.findSchemaOrThrow("mkldnn::_linear_pointwise", "");
        // (Tensor X, Tensor W, Tensor? B, str attr, Scalar?[] scalars, str? algorithm)
        Pointer scalars = linear.schema().arguments().getPointer(4);
        GenericList noScalars =
            new GenericList(new Argument(scalars).type().get().containedType(0));
        Operators found =
            new Operators(
                kept(dispatcher.findSchemaOrThrow("mkldnn::_reorder_linear_weight", "")),
                kept(linear),
                kept(new IValue("none")),
                kept(new IValue(noScalars)),
                kept(new IValue("")));
        return found.works() ? found : null;
      } catch (RuntimeException e) {
        return null; // another build, which has no such operator
      }
    }

    private static <T extends Pointer> T kept(T pointer) {
      pointer.retainReference();
      return pointer;
    }

    private boolean works() {
      Tensor x = torch.ones(5, 24);
      Tensor w = torch.ones(8, 24);
      Tensor y = product(x, new IValue(packed(w)), new IValue(torch.ones(8)));
      return torch.equal(y, torch.full(new long[] {5, 8}, new Scalar(25.0)));
    }

    Tensor packed(Tensor weight) {
      IValueVector stack = new IValueVector(new IValue(weight), new IValue());
      pack.callBoxed(stack);
      return stack.get(0).toTensor();
    }

    Tensor product(Tensor x, IValue weight, IValue bias) {
      IValueVector stack = new IValueVector(new IValue(x), weight, bias, none, noScalars, empty);
      linear.callBoxed(stack);
      return stack.get(0).toTensor();
    }
  }
}
